"""What an element's names (class, id, role, itemprop, data-testid) say about what it holds.

Names are words that people chose: "post-body", "navBar", "js-comment".  They are taken apart
into words, and each word is looked up for the families it belongs to ("nav", "comment", …), and for
weights that training gave it (`lexicon.py`).  A few whole names decide something at once (marks).
"""

from __future__ import annotations

import re

#: Families of words, by stems that are looked for anywhere in a word of four letters and more;
#: shorter words must be the whole.
FAMILIES = {
    "nav": "nav menu toolbar subnav sitemap skip tabs tablist",
    "crumb": "crumb pathway",
    "foot": "foot colophon copyright legal bottom",
    "head": "header masthead topbar banner hero branding logo",
    "side": "side rail widget",
    "related": "relat recommend recirc similar popular trending latest recent suggest carousel "
    "slider swiper slick teaser outbrain taboola also upnext mostread",
    "comment": "comment disqus respond reply replies discussion",
    "share": "shar social follow facebook twitter pinterest whatsapp addthis sns instagram "
    "linkedin",
    "ad": "ad ads advert sponsor promo dfp adslot adsense cta upsell marketing gpt",
    "news": "newsletter subscri signup optin paywall premium mailing register",
    "login": "login signin account password auth",
    "cookie": "cookie consent gdpr privacy onetrust ccpa",
    "meta": "meta date time posted publish info credit view counter stat",
    "author": "author byline avatar profile user member poster bio contributor vcard",
    "tag": "tag keyword topic categor label badge chip pill",
    "page": "pagin pager prev next loadmore pagenav",
    "content": "content body main copy prose markdown richtext wysiwyg rte parser",
    "article": "article story entry blog",
    "post": "post message thread answer question cooked bbwrapper usertext",
    "title": "title headline heading",
    "lede": "lede lead standfirst summary intro excerpt dek subtitle subhead deck abstract",
    "caption": "caption figure image photo gallery media thumb video player img picture",
    "product": "product price sku cart shop buy shipping stock variant offer basket wishlist",
    "fold": "accordion collaps toggle faq expand panel tabpane",
    "detail": "descri detail spec feature about overview ingredient benefit",
    "review": "review rating star testimonial feedback",
    "list": "list grid item card tile collection result feed archive loop",
    "form": "form search filter sort facet input field select",
    "modal": "modal popup overlay lightbox dialog drawer toast tooltip dropdown flyout offcanvas "
    "notif alert notice",
    "toc": "toc outline contents",
    "code": "code highlight syntax hljs prism pygments crayon terminal console",
    "quote": "quote",
    "legend": "caption credit",
    "button": "button btn action control vote like tools print report flag",
}
FAMILY = {name: 1 << place for place, name in enumerate(FAMILIES)}
_STEMS: dict[str, int] = {}
for _name, _stems in FAMILIES.items():
    for _stem in _stems.split():
        _STEMS[_stem] = _STEMS.get(_stem, 0) | FAMILY[_name]
#: Words that begin with a stem and are none of its family: authority, authorize, authoring, …
_OTHER_WORDS = {"author": "i[szt]|ing", "member": "ship", "profile": "r"}
_ANY_STEM = re.compile(
    "|".join(
        f"{stem}(?!{others})" if (others := _OTHER_WORDS.get(stem)) else stem
        for stem in sorted((s for s in _STEMS if len(s) > 3), key=len, reverse=True)
    )
)
_WHOLE = 3  # letters of a word up to which it must be the stem itself
_WORD = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}")
#: Names made of utility classes may have hundreds of words; the first tell enough.
_MOST_WORDS = 40


#: What somebody wrote in a thread, or under a page.
POSTS = FAMILY["post"] | FAMILY["comment"]
#: Bit of an element's families, beside those of words: what is shown over the text, or offered
#: beside it.  Utility classes such as "group/tooltip" only name a group.
ASIDE = 1 << 59
#: Bits of words that may be of such a name, or of one for screen readers only: few elements have
#: any, and the patterns for whole names are slow.
MAY_BE_ASIDE, MAY_BE_UNSEEN = 1 << 58, 1 << 57
_HINTS = {
    MAY_BE_ASIDE: re.compile("tooltip|popover|sell|recommend|also|you|related|recently"),
    MAY_BE_UNSEEN: re.compile(
        "^sr|sr(?:only|text)|hidden|reader|screen|assistive|invisible|clipped"
    ),
}
_ASIDES = re.compile(
    r"(?<!/)(?:tooltip|popover)"
    r"|up-?sell|cross-?sell|recommend|also-?(?:like|bought|viewed)|you-?may"
    r"|related-?(?:product|item)|recently-?view",
    re.IGNORECASE,
)

Attributes = dict[str, str | None]
#: Attributes that hold names.
_NAMING = frozenset(("class", "id", "role", "itemprop", "data-testid"))

#: Marks: what a name decides, a bit each.
NEVER_TEXT = 1  # permalink signs, pictures of formulas
VERBATIM = 2  # lines of code in elements other than <pre>
UNSEEN = 4  # for screen readers only
NUMBERS = 16  # line numbers, where there is nothing else: Prism names code itself so
LINE = 8  # an inline element that is a line of code: its style breaks the line, no character
NEVER_IN_POSTS = 32  # what stands under each post of a thread

#: Whole names, by mark.
_WHOLE_NAMES = {
    # Pygments, GitHub, GitLab, Rouge, highlight.js, Hugo, Crayon, SyntaxHighlighter, cgit.
    NUMBERS: "linenos lineno line-number line-numbers linenumber linenumbers line_numbers "
    "linenodiv gutter blob-num lnum ln-num lnt hljs-ln-n hljs-ln-numbers hljs-ln-line-number "
    "crayon-num crayon-nums rouge-gutter code-line-number diff-line-num react-line-number",
    # MediaWiki's links for editing; MathJax, KaTeX and MediaWiki where a formula stands
    # beside its picture; permalink signs of Sphinx, Docusaurus and anchor.js; of XenForo,
    # FluxBB, IP.Board and vBulletin signatures, notes of editing, reactions, buttons of quotations,
    # cards about pages that a post leads to, lists of attached files, advertisements.
    NEVER_TEXT: "mw-editsection "
    "MathJax_Preview katex-html MathJax MathJax_Display MathJax_SVG MathJax_SVG_Display "
    "MathJax_CHTML MJX_Assistive_MathML headerlink hash-link anchorjs-link message-signature "
    "postsignature ipsSignature signaturecontainer message-lastEdit postedit lastedited "
    "bbCodeBlock-expandLink bbCodeBlock-shrinkLink reactionsBar bbCodeBlock--unfurl js-unfurl "
    "onebox message-attachments attachbox vbseo_liked vbseo_buttons samCodeUnit memberSignature",
    # phpBB and others; elsewhere it is the signature of a function.
    NEVER_IN_POSTS: "signature",
    VERBATIM: "blob-code blob-code-inner hljs-ln-code crayon-line crayon-pre react-code-text "
    "react-file-line view-line cm-line code-line syntaxhighlighter dp-highlighter",
    # Gatsby, Prism's React renderer, Shiki.
    LINE: "gatsby-highlight-code-line token-line line",
}
_MARKS = {name: mark for mark, listed in _WHOLE_NAMES.items() for name in listed.split()}
#: For screen readers only: Bootstrap's `sr-only` and what others made of it (`a-offscreen`,
#: `plp-price__sr-text`, `tw-sr-only`).  "focusable" ones are shown to who goes there by keys.
_UNSEEN_NAMES = re.compile(
    r"(?<![^\s])(?!\#|@)(?!\S*(?:not-|focusable))(?:[\w-]*[-_a-z])?"
    r"(?:sr[-_]?(?:only|text)|visually[-_]*hidden|hidden[-_]visually|screen[-_]?reader"
    r"(?:[-_]?(?:only|text))?|off-?screen|a11y[-_]hidden|assistive-text|element-invisible"
    r"|show-for-sr|(?<![^\s])(?:sr-)?clipped)(?:__\w+)?(?![^\s])",
    re.IGNORECASE,
)


def names_of(attributes: Attributes, slug: bool = False) -> str:
    """The names of an element on one line; an id begins with "#", a role with "@".

    An id that is a `slug`, the text in other letters, is no name.
    """
    if _NAMING.isdisjoint(attributes):
        return ""
    get = attributes.get
    names = get("class") or ""
    if len(attributes) == 1 and names:
        return names
    if not slug and (more := get("id")):
        names += " #" + more
    if more := get("role"):
        names += " @" + more
    if more := get("itemprop"):
        names += " =" + more
    if more := get("data-testid"):
        names += " " + more
    return names


def families(word: str) -> int:
    """The families of a lower-case word, a bit each (`FAMILY`), and what it may be a part of."""
    found = sum(bit for bit, pattern in _HINTS.items() if pattern.search(word))
    if len(word) <= _WHOLE:
        return found | _STEMS.get(word, 0)
    for stem in _ANY_STEM.findall(word):
        found |= _STEMS[stem]
    return found


def asides(names: str) -> int:
    """ASIDE where an element's names say so, else 0."""
    return ASIDE if _ASIDES.search(names) else 0


def words(names: str) -> list[str]:
    """The words of an element's names: "postBody js-Main" gives post, body, js, main."""
    return " ".join(_WORD.findall(names)[:_MOST_WORDS]).lower().split()


def marks(names: str) -> int:
    """The marks of an element's names, a bit each."""
    found = 0
    for name in _MARKS.keys() & names.split():
        found |= _MARKS[name]
    return found


def unseen(names: str) -> int:
    """UNSEEN where an element's names say that it is for screen readers only, else 0."""
    return UNSEEN if _UNSEEN_NAMES.search(names) else 0

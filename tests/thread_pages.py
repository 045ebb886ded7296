"""Threads in the layouts of common forums, made up: pages of `count` posts, and what they say.

Every layout has what such pages have around their posts: names, dates, counts of posts and
votes, buttons, signatures, lists of other threads.  `FURNITURE` are words of these, none of
which may
be in the text; `posts(count)` are paragraphs that all must.
"""

from __future__ import annotations

from collections.abc import Callable

_OPENINGS = (
    "I have a small wooden boat and the engine stops after twenty minutes on the water",
    "Last winter we had the same trouble with ours, and it turned out to be the fuel pump",
    "Did you look at the filter before the pump, which clogs when the tank is old",
    "The filter was clean when I opened it, so it must be something behind it",
    "My neighbour runs a yard and says that the hose collapses when it gets warm",
    "That was it, the hose was soft and folded in on itself after a while",
    "For those who find this later, ask for the hose with a spring inside",
    "We carried two spare hoses across the lake and never needed either of them",
)
_MIDDLES = (
    "Nobody at the harbour could tell me why, although three of them looked at it for an hour.",
    "It cost less than a meal, and the whole repair was done before the rain came.",
    "You can see it best in the evening, when the light falls flat through the hatch.",
    "The manual does not say a word about this, which is a pity for so common a fault.",
    "In my experience it is worth to change the clamps as well, since they rust from inside.",
)
_ENDINGS = (
    "Has anyone seen this before?",
    "I hope that helps you to get home.",
    "Let us know what you find.",
    "Thank you all for your patience with me.",
)
FURNITURE = (
    "Harbourmaster", "rudderless", "Senior Member", "Joined:", "Posts:", "Reply", "Report",
    "Quote", "Like", "Log in", "Register", "Share", "points", "Powered by", "Search",
    "Engine will not start", "Upvote", "permalink", "Privacy",
)  # fmt: skip
_USERS = ("Harbourmaster", "rudderless")
TITLE = "Engine stops after twenty minutes"


def posts(count: int) -> list[list[str]]:
    """Paragraphs of each post, no two alike."""
    found = []
    for number in range(count):
        opening = _OPENINGS[number % len(_OPENINGS)]
        middle = _MIDDLES[number % len(_MIDDLES)]
        found.append(
            [
                f"{opening}, which I noticed on day {number + 3}.",
                f"{middle} {_ENDINGS[number % len(_ENDINGS)]} It was boat number {number + 40}.",
            ]
        )
    return found


def user(number: int) -> str:
    """Who wrote a post."""
    return _USERS[number % 2]


def _page(body: str, head: str = "") -> str:
    return (
        f"<!doctype html><html lang='en'><head><title>{TITLE} - Boats</title>{head}</head>"
        f"<body>{body}</body></html>"
    )


def _join(count: int, one: Callable[[int, list[str]], str]) -> str:
    return "".join(one(number, post) for number, post in enumerate(posts(count)))


def _ps(post: list[str]) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in post)


def _brs(post: list[str]) -> str:
    return "<br />\n<br />\n".join(post)


_MENU = (
    "<ul><li><a href='/'>Home</a></li><li><a href='/search'>Search</a></li>"
    "<li><a href='/login'>Log in</a></li><li><a href='/register'>Register</a></li></ul>"
)


def phpbb(count: int) -> str:
    """phpBB 3."""

    def one(number: int, post: list[str]) -> str:
        return f"""<div id="p{number}" class="post has-profile bg{number % 2 + 1}"><div
class="inner">
<dl class="postprofile" id="profile{number}"><dt><a href="./memberlist.php" class="username">
{user(number)}</a></dt><dd class="profile-rank">Senior Member</dd><dd class="profile-posts">
<strong>Posts:</strong> <a href="#">{number * 37}</a></dd><dd class="profile-joined">
<strong>Joined:</strong> Tue Mar 05, 2019 1:12 pm</dd></dl>
<div class="postbody"><div id="post_content{number}"><h3><a href="#p{number}">Re: {TITLE}</a></h3>
<ul class="post-buttons"><li><a href="./posting.php" class="button"><span>Quote</span></a></li></ul>
<p class="author"><a class="unread" href="#"><span class="sr-only">Post</span></a>by
<strong><a href="#" class="username">{user(number)}</a></strong> » <time>Wed Mar 06, 2024
{number}:12 pm</time></p><div class="content">{_brs(post)}</div>
<div id="sig{number}" class="signature">Powered by oars alone</div></div></div></div></div>"""

    return _page(
        f"""<div id="wrap" class="wrap"><div id="page-header"><div
class="navbar">{_MENU}</div></div>
<div id="page-body" class="page-body"><h2 class="topic-title"><a href="./viewtopic.php">{TITLE}</a>
</h2>{_join(count, one)}<div class="action-bar"><a href="./posting.php">Post Reply</a></div></div>
<div id="page-footer"><div class="copyright">Powered by phpBB</div></div></div>"""
    )


def phpbb_tables(count: int) -> str:
    """phpBB 2, laid out by tables."""

    def one(number: int, post: list[str]) -> str:
        return f"""<tr><td width="150" align="left" valign="top" class="row1"><span class="name">
<a name="{number}"></a><b>{user(number)}</b></span><br /><span class="postdetails">Senior Member
<br /><br />Joined: 05 Mar 2003<br />Posts: {number * 37}</span><br /></td>
<td class="row1" width="100%" height="28" valign="top"><table width="100%" border="0"><tr>
<td width="100%"><a href="#{number}"><img src="icon.gif" /></a><span class="postdetails">Posted: Wed
Mar 06, 2004 {number}:12 pm</span></td><td nowrap="nowrap"><a href="posting.php"><img
src="quote.gif" alt="Reply with quote" /></a></td></tr><tr><td colspan="2"><hr /></td></tr><tr>
<td colspan="2"><span class="postbody">{_brs(post)}</span></td></tr></table></td></tr>
<tr><td class="row1"><span class="nav"><a href="#top">Back to top</a></span></td><td></td></tr>"""

    return _page(
        f"""<table class="bodyline" width="100%"><tr><td><table><tr><td><span class="mainmenu">
<a href="search.php">Search</a> <a href="login.php">Log in</a></span></td></tr></table>
<table class="forumline" width="100%"><tr><th class="thLeft">Author</th><th>Message</th></tr>
{_join(count, one)}</table><div align="center"><span class="copyright">Powered by phpBB</span></div>
</td></tr></table>"""
    )


def xenforo(count: int) -> str:
    """XenForo 2."""

    def one(number: int, post: list[str]) -> str:
        return f"""<article class="message message--post js-post" data-author="{user(number)}"
id="js-post-{number}"><div class="message-inner"><div class="message-cell message-cell--user">
<section class="message-user"><h4 class="message-name"><a href="/members/" class="username">
{user(number)}</a></h4><h5 class="userTitle message-userTitle">Senior Member</h5>
<div class="message-userExtras"><dl class="pairs"><dt>Joined:</dt><dd>Mar 5, 2019</dd></dl></div>
</section></div><div class="message-cell message-cell--main"><div class="message-main">
<header class="message-attribution"><ul class="message-attribution-main listInline"><li><a href="#">
<time class="u-dt" datetime="2024-03-06T12:0{number}:00+0000">Mar 6, 2024</time></a></li></ul>
<ul class="message-attribution-opposite"><li><a href="#">#{number + 1}</a></li></ul></header>
<div class="message-content js-messageContent"><article class="message-body js-selectToQuote">
<div class="bbWrapper">{_brs(post)}</div></article></div><footer class="message-footer">
<div class="message-actionBar actionBar"><a href="#" class="actionBar-action">Report</a>
<a href="#" class="actionBar-action">Like</a><a href="#" class="actionBar-action">Reply</a></div>
</footer></div></div></div></article>"""

    return _page(
        f"""<div class="p-pageWrapper"><header class="p-header">Boats</header><nav
class="p-nav">{_MENU}
</nav><div class="p-body"><div class="p-body-header"><h1 class="p-title-value">{TITLE}</h1></div>
<div class="p-body-content"><div class="block block--messages"><div class="block-container">
<div class="block-body js-replyNewMessageContainer">{_join(count, one)}</div></div></div></div>
<div class="p-body-sidebar"><div class="block"><h3 class="block-minorHeader">Latest posts</h3>
<ul><li><a href="/t/2">Engine will not start</a></li></ul></div></div></div>
<footer class="p-footer"><a href="/privacy">Privacy policy</a></footer></div>"""
    )


def vbulletin(count: int) -> str:
    """vBulletin 4, whose posts are items of a list."""

    def one(number: int, post: list[str]) -> str:
        return f"""<li class="postbitlegacy postbitim postcontainer" id="post_{number}">
<div class="posthead"><span class="postdate old"><span class="date">03-06-2024,&nbsp;<span
class="time">0{number}:12 PM</span></span></span><span class="nodecontrols"><a href="#"
class="postcounter">#{number + 1}</a></span></div><div class="postdetails"><div class="userinfo">
<div class="username_container"><a class="username offline popupctrl" href="member.php">
<strong>{user(number)}</strong></a></div><span class="usertitle">Senior Member</span>
<dl class="userinfo_extra"><dt>Posts:</dt><dd>{number * 37}</dd></dl></div><div class="postbody">
<div class="postrow"><h2 class="title icon">{TITLE}</h2><div class="content">
<div id="post_message_{number}"><blockquote class="postcontent restore">{_brs(post)}</blockquote>
</div></div></div></div></div><div class="postfoot"><div class="textcontrols"><a class="newreply"
href="newreply.php">Reply With Quote</a></div></div></li>"""

    return _page(
        f"""<div class="above_body"><div id="header" class="floatcontainer">Boats</div>
<div id="navbar" class="navbar">{_MENU}</div></div><div class="body_wrapper"><div id="pagetitle"
class="pagetitle"><h1>Thread: <span class="threadtitle"><a href="showthread.php">{TITLE}</a></span>
</h1></div><div id="postlist" class="postlist restrain"><ol id="posts" class="posts">
{_join(count, one)}</ol></div><div id="thread_info" class="thread_info block"><h4>Similar
threads</h4>
<ul><li><a href="showthread.php?2">Engine will not start</a></li></ul></div></div>
<div id="footer" class="floatcontainer footer">Powered by vBulletin</div>"""
    )


def discourse(count: int) -> str:
    """Discourse, as crawlers get it."""

    def one(number: int, post: list[str]) -> str:
        return f"""<div id="post_{number}" itemprop="comment" itemscope class="topic-body
crawler-post">
<div class="crawler-post-meta"><span class="creator" itemprop="author" itemscope><a itemprop="url"
href="/u/x"><span itemprop="name">{user(number)}</span></a></span><span class="crawler-post-infos">
<time itemprop="datePublished" datetime="2024-03-06T12:0{number}:00Z" class="post-time">March 6,
2024, {number}:12pm</time><span itemprop="position">{number + 1}</span></span></div>
<div class="post" itemprop="text">{_ps(post)}</div><div itemprop="interactionStatistic" itemscope>
<meta itemprop="userInteractionCount" content="1" /><span class="post-likes">3 Likes</span></div>
</div>"""

    return _page(
        f"""<header><a href="/">Boats</a></header><div id="main-outlet" class="wrap"><div
id="topic-title">
<h1><a href="/t/1">{TITLE}</a></h1></div><div itemscope itemtype="DiscussionForumPosting">
{_join(count, one)}</div><div id="related-topics" class="more-topics__list"><h3>Related topics</h3>
<table class="topic-list"><tr class="topic-list-item"><td class="main-link"><a href="/t/2">Engine
will not start</a></td><td>4</td></tr></table></div></div><footer class="container"><nav>{_MENU}
</nav><p>Powered by <a href="https://www.discourse.org">Discourse</a></p></footer>"""
    )


def stack_exchange(count: int) -> str:
    """Stack Exchange: a question, answers, comments are left out of the count."""

    def one(number: int, post: list[str]) -> str:
        kind = "question" if number == 0 else "answer"
        between = "" if number else f'</div><div id="answers"><h2>{count - 1} Answers</h2>'
        return f"""<div class="{kind} js-{kind}" id="{kind}-{number}"><div class="post-layout">
<div class="votecell post-layout--left"><div class="js-voting-container"><button>Upvote</button>
<div class="js-vote-count">{number + 4}</div><button>Downvote</button></div></div>
<div class="{kind}cell postcell post-layout--right"><div class="s-prose js-post-body"
itemprop="text">{_ps(post)}</div><div class="mt24"><div class="js-post-menu"><a href="#">Share</a>
<a href="#">Improve this {kind}</a></div><div class="post-signature"><div class="user-info">
<div class="user-action-time">answered <span class="relativetime">Mar 6, 2024</span></div>
<div class="user-details"><a href="/users/1">{user(number)}</a><span class="reputation-score">3,141
</span></div></div></div></div></div></div></div>{between}"""

    return _page(
        f"""<header class="s-topbar">{_MENU}</header><div class="container"><div
id="left-sidebar"><nav>
{_MENU}</nav></div><div id="content"><div id="question-header"><h1 itemprop="name"><a
class="question-hyperlink" href="/q/1">{TITLE}</a></h1></div><div id="mainbar" role="main"><div>
{_join(count, one)}</div></div><div id="sidebar"><div class="module
sidebar-related"><h4>Related</h4>
<a class="question-hyperlink" href="/q/2">Engine will not start</a></div></div></div></div>
<footer id="footer"><a href="/privacy">Privacy</a></footer>"""
    )


def github_issue(count: int) -> str:
    """GitHub issues, as they were rendered on the server."""

    def one(number: int, post: list[str]) -> str:
        return f"""<div class="js-timeline-item TimelineItem"><div class="TimelineItem-avatar"><a
href="#">
<img class="avatar" alt="@{user(number)}" /></a></div><div class="timeline-comment js-comment">
<div class="timeline-comment-header clearfix"><h3 class="timeline-comment-header-text"><strong>
<a class="author" href="#">{user(number)}</a></strong> commented <a href="#" class="timestamp">
<relative-time datetime="2024-03-06T12:00:00Z">Mar 6, 2024</relative-time></a></h3></div>
<div class="edit-comment-hide"><table class="d-block"><tbody class="d-block"><tr class="d-block">
<td class="d-block comment-body markdown-body js-comment-body">{_ps(post)}</td></tr></tbody></table>
<div class="comment-reactions"><button>👍 {number}</button></div></div></div></div>"""

    return _page(
        f"""<header role="banner">{_MENU}</header><main><div class="gh-header"><h1
class="gh-header-title"><bdi class="js-issue-title">{TITLE}</bdi> <span>#12</span></h1></div>
<div class="js-discussion js-socket-channel">{_join(count, one)}</div><div
class="discussion-sidebar"><div class="discussion-sidebar-item">Labels <a
href="#">bug</a></div></div>
</main><footer role="contentinfo"><a href="/privacy">Privacy</a></footer>"""
    )


def hacker_news(count: int) -> str:
    """Hacker News: tables within tables."""

    def one(number: int, post: list[str]) -> str:
        return f"""<tr class="athing comtr" id="{number}"><td><table border="0"><tr><td class="ind">
<img src="s.gif" width="{number * 40}" /></td><td valign="top" class="votelinks"><center><a
href="vote"><div class="votearrow" title="upvote"></div></a></center></td><td class="default"><div
style="margin-top:2px"><span class="comhead"><a href="user" class="hnuser">{user(number)}</a> <span
class="age"><a href="item">{number + 1} hours ago</a></span> <span class="navs">| <a href="#1">next
</a></span></span></div><br><div class="comment"><div class="commtext
c00">{post[0]}<p>{post[1]}</div>
<div class="reply"><p><font size="1"><u><a href="reply">reply</a></u></font></div></div></td></tr>
</table></td></tr>"""

    return _page(
        f"""<center><table id="hnmain" border="0" width="85%"><tr><td
bgcolor="#ff6600"><table><tr><td>
<span class="pagetop"><b class="hnname"><a href="news">Boats</a></b> <a href="newest">new</a> | <a
href="submit">submit</a></span></td></tr></table></td></tr><tr><td><table class="fatitem"><tr
class="athing"><td class="title"><span class="titleline"><a
href="/x">{TITLE}</a></span></td></tr><tr>
<td class="subtext"><span class="score">57 points</span> by <a
class="hnuser">{user(0)}</a></td></tr>
</table><br><table class="comment-tree">{_join(count, one)}</table></td></tr></table></center>"""
    )


def old_reddit(count: int) -> str:
    """Reddit's old pages."""

    def one(number: int, post: list[str]) -> str:
        kind = "link self" if number == 0 else "comment noncollapsed"
        area = (
            '<div class="commentarea"><div class="sitetable nestedlisting">' if not number else ""
        )
        return f"""<div class="thing id-t{number} {kind}"><div class="midcol unvoted"><div
class="arrow up" role="button"></div><div class="score unvoted">{number + 2}</div></div><div
class="entry unvoted"><p class="tagline"><a href="#" class="author may-blank">{user(number)}</a>
<span class="score unvoted">{number + 2} points</span> <time class="live-timestamp">{number}
hours ago
</time></p><form action="#" class="usertext warn-on-unload"><div class="usertext-body
may-blank"><div
class="md">{_ps(post)}</div></div></form><ul class="flat-list buttons"><li class="first"><a href="#"
class="bylink">permalink</a></li><li><a href="#">save</a></li><li><a href="#">reply</a></li></ul>
</div></div>{area}"""

    return _page(
        f"""<div id="header" role="banner"><div id="sr-header-area">{_MENU}</div></div><div
class="side"><div class="spacer"><form id="search"><input name="q"></form></div><div
class="titlebox"><h1 class="redditname"><a href="/r/boats">boats</a></h1><div class="usertext-body">
<div class="md"><p>Search before you post. Privacy matters here.</p></div></div></div></div>
<div class="content" role="main"><div class="sitetable linklisting"><p class="title"><a
class="title">{TITLE}</a></p>{_join(count, one)}</div></div></div></div>
<div class="footer-parent"><div class="footer">Powered by reddit</div></div>"""
    )


def new_reddit(count: int) -> str:
    """Reddit's new pages: custom elements."""

    def one(number: int, post: list[str]) -> str:
        if number == 0:
            return f"""<shreddit-post><h1 slot="title">{TITLE}</h1><div slot="text-body"><div
class="md text-14" id="t3-rtjson-content">{_ps(post)}</div></div></shreddit-post>
<shreddit-comment-tree>"""
        return f"""<shreddit-comment author="{user(number)}" depth="{number % 3}"><div
slot="commentMeta"><faceplate-tracker><a href="/user/x">{user(number)}</a></faceplate-tracker>
<faceplate-timeago><time>{number}h ago</time></faceplate-timeago></div><div slot="comment" class="md
text-14 rounded-[8px]" id="t1-rtjson-content"><div class="py-0 xs:mx-xs inline-block">{_ps(post)}
</div></div><shreddit-comment-action-row slot="actionRow"><button>Upvote</button><button>Reply
</button><button>Share</button></shreddit-comment-action-row></shreddit-comment>"""

    return _page(
        f"""<shreddit-app><reddit-header-large><nav>{_MENU}</nav></reddit-header-large><div
class="grid-container"><main id="main-content">{_join(count, one)}</shreddit-comment-tree></main>
<div id="right-sidebar-container"><aside><h2>More posts you may like</h2><ul><li><a
href="/r/2">Engine
will not start</a></li></ul></aside></div></div></shreddit-app>"""
    )


def hypermail(count: int) -> str:
    """A message of a hypermail archive: one post, with quotations of the others."""
    paragraphs = [paragraph for post in posts(count) for paragraph in post]
    return _page(
        f"""<h1>{TITLE}</h1><ul class="links hdr-nav"><li><dfn>This message</dfn>: <a href="#start">
Message body</a> [ <a href="#options">More options</a> ]</li></ul><div class="mail"><div
class="headers"><span id="from"><dfn>From</dfn>: {user(0)} &lt;<a href="mailto:x">x</a>&gt;</span>
<br /><span id="date"><dfn>Date</dfn>: Wed, 6 Mar 2024 12:12:00 +0000</span></div>
<pre id="body">{chr(10).join(paragraphs)}</pre></div><ul class="links ftr-nav"><li><a href="1.html">
Next message</a></li><li><a href="reply">Reply</a></li></ul><p class="credits">Powered by hypermail
</p>"""
    )


def pipermail(count: int) -> str:
    """A message of a Mailman archive."""
    paragraphs = [paragraph for post in posts(count) for paragraph in post]
    return _page(
        f"""<H1>[boats] {TITLE}</H1><B>{user(0)}</B> <A HREF="mailto:x" TITLE="{TITLE}">x at
example.org
</A><BR><I>Wed Mar  6 12:12:00 UTC 2024</I><P><UL><LI>Previous message: <A HREF="0.html">Engine will
not start</A></li><LI><B>Messages sorted by:</B> <a href="date.html">[ date ]</a></LI></UL><HR>
<!--beginarticle--><PRE>{chr(10).join(paragraphs)}</PRE><!--endarticle--><HR><P><UL><LI>Previous
message: <A HREF="0.html">Engine will not start</A></li></UL>"""
    )


def mhonarc(count: int) -> str:
    """A message of a MHonArc archive."""
    paragraphs = [paragraph for post in posts(count) for paragraph in post]
    return _page(
        f"""[<a href="0.html">Date Prev</a>][<a href="2.html">Date Next</a>][<a href="i.html">Date
Index</a>]<h1>{TITLE}</h1><hr><ul><li><em>From</em>: {user(0)} &lt;<a href="mailto:x">x</a>&gt;</li>
<li><em>Date</em>: Wed, 6 Mar 2024 12:12:00 +0000</li></ul><hr><pre>{chr(10).join(paragraphs)}</pre>
<hr><ul><li><strong>Follow-Ups</strong>: <ul><li><strong><a href="3.html">Engine will not start</a>
</strong></li></ul></li></ul>"""
    )


def google_groups(count: int) -> str:
    """A thread as Google Groups lays it out."""

    def one(number: int, post: list[str]) -> str:
        return f"""<section role="listitem" class="BkrUxb" data-author="{user(number)}"><div
class="s8hSjd">
<h3 class="s1f8Zd">{user(number)}</h3><span class="zX2W9c">Mar 6, 2024, {number}:12:00 PM</span><div
class="TXg7Qd" aria-label="Reply to author"></div></div><div class="ptW7te" role="region"><div
html-blob>{"<br>".join(f"<div>{paragraph}</div>" for paragraph in post)}</div></div></section>"""

    return _page(
        f"""<header class="gb_oa" role="banner"><div>Groups</div><form
role="search"></form></header>
<nav>{_MENU}</nav><div class="WBn5pc" role="main"><h1 class="KPwZRb"><html-blob>{TITLE}</html-blob>
</h1><div role="list">{_join(count, one)}</div></div>"""
    )


LAYOUTS: dict[str, Callable[[int], str]] = {
    layout.__name__: layout
    for layout in (
        phpbb, phpbb_tables, xenforo, vbulletin, discourse, stack_exchange, github_issue,
        hacker_news, old_reddit, new_reddit, hypermail, pipermail, mhonarc, google_groups,
    )
}  # fmt: skip

"""Stands in for `webtext` where a test wants it to do something of its own.

Called as `stand_in.py --result FILE CODE`; runs CODE, which may call `result(values)`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def result(values):
    Path(sys.argv[2]).write_text(json.dumps(values))


exec(sys.argv[3], {**globals(), "os": os, "signal": signal, "subprocess": subprocess, "time": time})

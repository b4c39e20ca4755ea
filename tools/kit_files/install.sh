#!/bin/sh
# Finds a Python, which then installs the course from this folder; no network is needed.
here=$(cd "$(dirname "$0")" && pwd)
for python in python3.12 python3.13 python3.11 python3 python; do
  if "$python" -c "import sys; sys.exit(sys.version_info < (3, 8))" >/dev/null 2>&1; then
    exec "$python" "$here/install.py" "$@"
  fi
done
echo "There is no Python on this computer. Install Python 3.12 from python.org, then start this installer again." >&2
exit 1

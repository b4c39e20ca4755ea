@echo off
rem Finds a Python, which then installs the course from this folder; no network is needed.
setlocal
for %%P in ("py -3.12" "py -3.13" "py -3.11" "py" "python" "python3") do (
  %%~P -c "import sys; sys.exit(sys.version_info < (3, 8))" >nul 2>&1
  if not errorlevel 1 (
    %%~P "%~dp0install.py" %*
    goto done
  )
)
echo There is no Python on this computer. Install Python 3.12 from python.org, then start this installer again.
:done
pause

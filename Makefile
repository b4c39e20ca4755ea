# Each target runs one command of `python -m tools`, which sets up .venv if it is missing or outdated.

# Take the first Python that starts: python3 may be a shim with nothing behind it.
PYTHON ?= $(or $(shell for python in .venv/bin/python python3 python3.12 python3.13 python3.11 python; do \
	$$python -c "" >/dev/null 2>&1 && echo $$python && break; done),python3)
COURSE = @$(PYTHON) -m tools

# If it is set, Python does not find `tools` in this folder.
unexport PYTHONSAFEPATH

.PHONY: help setup run lab lab-source pad check-setup test test-browser ci site student notebooks kit instructor slides progress record check \
	measure mutants experiments bench lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(lastword $(MAKEFILE_LIST))

run: ## execute lessons 00-11, and write pages and a summary to build/ (EPOCHS=3: train for three epochs only)
	$(COURSE) run $(if $(EPOCHS),--epochs $(EPOCHS))

lab: ## open JupyterLab on your own copy of the lessons, my-course/, without solutions and outputs
	$(COURSE) lab

lab-source: ## open JupyterLab on the source of the lessons, with solutions, notes and recorded outputs
	$(COURSE) lab-source

pad: ## write the drawing pad as one web page, build/pad.html, for a phone or a projector
	$(COURSE) pad

check-setup: ## check whether this computer has what the course needs, and say what to do if not
	$(COURSE) check-setup || true

setup: ## only set up .venv, before a workshop without internet (the other commands set it up when needed)
	$(COURSE) setup

test: ## run all tests, notebooks included, on all cores (JOBS=1: on one core; LONG=1: hostile files and the like in full)
	$(COURSE) test $(if $(JOBS),--numprocesses $(JOBS)) $(if $(LONG),tests/robustness tests/tools \
		tests/course_utils/test_checkpoint.py tests/course_utils/test_tensorflow_autotune_stall.py --long)

test-browser: ## run all lessons and their widgets in JupyterLab, in the Chromium, Chrome or Edge of this computer
	$(COURSE) test-browser $(if $(LONG),--long)

ci: ## do what CI does: test and test-browser, after installing a browser if it is missing and this is allowed
	$(COURSE) ci

site: ## write the course as a web site, build/site/, whose widgets need no Python (SOLUTIONS=0: without solutions)
	$(COURSE) site $(if $(filter 0,$(SOLUTIONS)),--without-solutions)

student: ## write build/digit-course-student.zip to hand out, without solutions, notes and outputs (LESSONS="01 02 04 05": only these)
	$(COURSE) student $(LESSONS)

notebooks: ## write build/single-lessons/, lessons to hand out one by one; each installs what it needs
	$(COURSE) notebooks $(LESSONS)

kit: ## write build/digit-course-kit.zip for a USB stick (PLATFORMS="windows-x86_64 macos-arm64" PYTHONS="3.12 3.13")
	$(COURSE) kit $(if $(PLATFORMS),--platforms $(PLATFORMS)) $(if $(PYTHONS),--pythons $(PYTHONS)) $(if $(LESSONS),--lessons $(LESSONS))

instructor: ## write build/instructor/ to teach from, with open solutions and notes
	$(COURSE) instructor $(LESSONS)

slides: ## write slides to build/slides/, without solutions and notes (LESSON=03: only this one)
	$(COURSE) slides $(LESSON)

progress: ## show what a class has solved and where it is stuck (FILES="folder/*.json"; BY_FILE=1: also file by file)
	$(COURSE) progress $(if $(BY_FILE),--by-file) $(FILES)

record: ## execute lessons and keep their outputs in notebooks/ (LESSON=04: only this one)
	$(COURSE) record $(LESSON)

check: ## execute lessons and compare them with the recorded outputs (LESSON=04: only this one)
	$(COURSE) check $(LESSON)

measure: ## measure how far each recorded number moves between computers (takes hours; LESSON=05: only this one)
	$(COURSE) measure $(LESSON)

mutants: ## plant a sample of faults in a copy and check that the recorded outputs show them (FAULT=loss: these; LONG=1: all)
	$(COURSE) mutants $(if $(FAULT),"$(FAULT)") $(if $(LONG),--long)

experiments: ## train with many seeds and variants for lessons 08 and 10, and record the results (half an hour)
	$(COURSE) experiments

bench: ## compare speed and memory with other libraries (QUICK=1: briefly; KEEP=1: keep the results)
	$(COURSE) bench $(if $(QUICK),--quick) $(if $(KEEP),--keep)

lock: ## write both locks from pyproject.toml (UPGRADE=1: with the newest versions)
	$(COURSE) lock $(if $(UPGRADE),--upgrade)

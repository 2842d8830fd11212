# Two commands: `make lab` opens the course, `make test` proves it. Everything else is `raglab --help`.
PYTHON ?= python3

.PHONY: help lab test record down clean
help:   ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile
lab:    ## install what is missing, start the pocket cluster, open JupyterLab
	@$(PYTHON) -m raglab.bootstrap lab
test:   ## install what is missing, run every test
	@$(PYTHON) -m raglab.bootstrap test
record: ## run the lessons and store their outputs in the notebooks
	@$(PYTHON) -m raglab.bootstrap record
down:   ## end every process of the lab; your work is kept
	@$(PYTHON) -m raglab.bootstrap down
clean:  ## remove the installation (.venv); your work is kept
	@rm -rf .venv

# MESH: `make run` opens the workstation, `make test` and `make lint` check the project.
#
# Each makes .venv first if there is none or it is out of date; all that is needed is Python 3.11 or newer.
# PYTHON=/path/to/python chooses one, ARGS="..." hands arguments on: make test ARGS="-k range_proof -x"
# Only what GNU make 3.81 and BSD make have in common is used here.

help:
	@echo 'make run     open the workstation'
	@echo 'make test    run the tests            ARGS="-k name" for some of them'
	@echo 'make lint    style, types, who may import whom, known vulnerabilities'
	@echo 'make clean   remove what these made'

run:
	@sh tools/bootstrap run
	@.venv/bin/mesh-app $(ARGS)

# The files in the order of their names: those that take longest, in tests/e2e, come early, and no worker is left alone with one.
test:
	@sh tools/bootstrap dev
	@.venv/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# All checks run, so that one run tells everything.
lint:
	@sh tools/bootstrap dev
	@status=0; \
	.venv/bin/python -m ruff check . || status=1; \
	.venv/bin/python -m ruff format --check . || status=1; \
	.venv/bin/python -m mypy || status=1; \
	.venv/bin/lint-imports --no-logo || status=1; \
	.venv/bin/python tools/audit.py || status=1; \
	exit $$status

clean:
	rm -rf .venv .bootstrap.log .bootstrap.lock build dist ./*.egg-info
	rm -f mesh_core/crypto/_ristretto*.so mesh_core/crypto/_ristretto*.pyd
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find mesh_core testnet mesh_app tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test lint clean

# make run      a site on localhost:8000, everything set up (another port: make run PORT=8001)
# make test     the tests: the server on SQLite, what depends on the database on PostgreSQL too, and a real browser
# make coverage which lines and branches the server tests do not run
# make check    lint, types, templates, migrations, rules about the source; make format puts right what a machine can
# make docs     the documentation, as pages in build/docs/
# make bench    how fast, beside the least there can be and other apps; make bench BENCH="table --turns 5"
# make mutations  one thing broken after the other: does a test in the browser see it?
# make assurance  every requirement with its tests or the reason why it has none, then what takes long and what was
#                 not run; one part of it: make assurance PART=races
# make foreign  the app in six small sites of others, walked through in a browser; pictures in test-results/foreign/
# make matrix   the server tests on every Python and Django that we support; one pair: make matrix PAIRS=3.12-6.0
# make screens  the pictures in the README, and a sheet of every screen in test-results/
# make messages what translators have to do in locale/ and twofactor/locale/, and the files that Django reads
# make lock     new lock files from pyproject.toml; with what is locked kept: make lock UPGRADE=

PYTHON = python3
PORT = 8000
BIN = .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
# The folders whose tests run on PostgreSQL too, and what in them has the same result on every database: hashes, mails,
# redirects, documents. What is left executes every statement that the folders do.
RACES = tests/twofactor/test_races.py tests/twofactor/test_send_races.py tests/twofactor/test_device_races.py \
	tests/twofactor/test_passkey_races.py
ON_POSTGRES = tests/api tests/accounts tests/operations tests/importers $(RACES) \
	tests/twofactor/limits tests/twofactor/signin/test_trusted_browsers.py \
	tests/twofactor/test_atomic_requests.py tests/twofactor/test_indexes.py tests/twofactor/test_statements.py
SAME_ON_POSTGRES = $(addprefix tests/accounts/, test_lockout_page.py test_mail_limits.py test_numbers.py \
	test_password_change.py test_signin.py test_timing.py) \
	$(addprefix tests/api/, test_api_enabled.py test_from_django_totp.py test_new_programs.py test_openapi_document.py \
	test_requests.py) tests/importers/test_reading.py \
	$(addprefix tests/operations/, test_admin_secrets.py::test_every_kind_of_secret \
	test_django_password_views.py test_policy.py::test_a_rule_that_makes_no_sense \
	test_policy.py::test_what_is_not_needed_to_set_up test_support_actions.py)
UPGRADE = --upgrade
BY_TWO = --numprocesses=2 --dist=worksteal
BY_THREE = --numprocesses=3 --dist=worksteal  # of two processors: who waits for a timeout, a database or a browser leaves one idle
TEMPLATES = find templates */templates -name '*.html'
COMPILE = .venv/uv/bin/uv pip compile --quiet $(UPGRADE) --generate-hashes --no-strip-extras --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links
LOCK = $(COMPILE) pyproject.toml
EXTRAS = --extra api --extra passkeys --extra sms
# django-mfa2 and django-mfa3 are both a package `mfa`. Both call pyotp in a way that ended with 2.11, and the second wants
# an older qrcode than the others have. So each has a folder for such packages, on the path of that subject alone.
OWN_MFA2 = 'pyotp<2.11'
OWN_MFA3 = 'django-mfa3>=1.1' 'pyotp<2.11' 'qrcode<7.4'
OWN = $(COMPILE) --universal --no-deps --output-file
OWN_LOCKS = $(addprefix tests/machinery/bench/requirements-, mfa2.txt mfa3.txt)
BENCH_PIP = .venv/bench/bin/pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: run test coverage check format docs assurance foreign matrix bench screens mutations messages lock
.DELETE_ON_ERROR:
# Where Python may not keep what it has compiled, every process that a test starts compiles it all again.
unexport PYTHONDONTWRITEBYTECODE

# A browser gives passkeys to localhost, and to no number.
run: export BASE_URL = http://localhost:$(PORT)
run: .venv/packages .env
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py runserver 127.0.0.1:$(PORT)

test: .venv/test-packages
	@$(BIN)/python -m tests.machinery.programs
	@echo "1 of 3: the server on SQLite, about ten minutes"
	$(BIN)/pytest tests $(BY_THREE)
	PLAIN_SQLITE=1 $(BIN)/pytest tests/twofactor/test_races.py tests/twofactor/test_passkey_races.py $(BY_THREE)
	@echo "2 of 3: the server on PostgreSQL, about 3 minutes"
	$(BIN)/python -m tests.machinery.postgres $(BIN)/pytest $(ON_POSTGRES) \
		$(SAME_ON_POSTGRES:%=--deselect=%) $(BY_THREE)
	@echo "3 of 3: a real browser, about 7 minutes"
	$(BIN)/pytest playwright $(BY_THREE)

coverage: .venv/test-packages
	$(BIN)/pytest tests $(BY_TWO) --cov --cov-report=term

check: .venv/test-packages docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(TEMPLATES) | xargs $(BIN)/djade --check --target-version 5.2
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive config accounts twofactor
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/pytest --quiet --noconftest tests/machinery/test_rules.py

format: .venv/test-packages
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(TEMPLATES) | xargs $(BIN)/djade --target-version 5.2 || true  # it says 1 when it changed something

docs: export NO_MKDOCS_2_WARNING = 1  # what will be of mkdocs some day, at each call
docs: .venv/test-packages
	$(BIN)/mkdocs build --strict --quiet

assurance: export RACE_REPEATS = 20
assurance: export LOAD_MINUTES = 10
assurance: export HYPOTHESIS_PROFILE = long
assurance: .venv/test-packages
	@$(BIN)/python -m tests.machinery.evidence
	@$(BIN)/python -m tests.machinery.long $(PART)

bench: .venv/bench/packages
	@.venv/bench/bin/python -m tests.machinery.bench $(BENCH)

foreign: .venv/test-packages
	@$(BIN)/python -m tests.machinery.programs
	$(BIN)/pytest tests/foreign -m "not long" --numprocesses=2 --dist=loadfile

matrix: | .venv
	@$(PYTHON) -m tests.machinery.matrix $(PAIRS)

screens: .venv/test-packages
	$(BIN)/pytest playwright/screens.py

messages: .venv/packages
	$(BIN)/python manage.py makemessages --all --no-location --no-obsolete --no-wrap --ignore=.venv --ignore=tests
	sed -i '/^"\(POT-Creation-Date\|Report-Msgid-Bugs-To\)/d' locale/*/LC_MESSAGES/django.po twofactor/locale/*/LC_MESSAGES/django.po
	$(BIN)/python manage.py compilemessages --ignore=.venv

mutations: .venv/test-packages
	$(BIN)/python playwright/mutations.py

lock: .venv/uv
	$(LOCK) --group site --python-version 3.11 --output-file requirements.txt
	$(LOCK) --group site $(EXTRAS) --python-version 3.11 --constraint requirements.txt --output-file requirements-all.txt
	$(LOCK) --group test $(EXTRAS) --universal --constraint requirements-all.txt --output-file tests/requirements.txt
	$(LOCK) --group bench --universal --constraint requirements.txt --output-file tests/machinery/bench/requirements.txt
	printf '%s\n' $(OWN_MFA2) | $(OWN) $(word 1, $(OWN_LOCKS)) -
	printf '%s\n' $(OWN_MFA3) | $(OWN) $(word 2, $(OWN_LOCKS)) -

	for version in 6.0 6.1; do echo "django~=$$version.0" | $(COMPILE) --no-deps --python-version 3.12 --output-file tests/machinery/matrix/django-$$version.txt -; done

# The keys that open this machine's data: made once, outside git, for the owner's eyes only.
.env: | .venv/packages
	@umask 077 && $(BIN)/python -c 'import secrets; from twofactor.sealing import generate_key; \
	print("DEBUG=true", f"SECRET_KEY={secrets.token_urlsafe(48)}", f"TWOFACTOR_KEYS={generate_key()}", \
	"EMAIL_URL=file:.mail", sep="\n")' > $@

.venv/packages: requirements.txt | .venv
	@echo "Installing what the site needs into .venv, about a minute, once."
	@$(PIP) --requirement $<
	@touch $@

.venv/test-packages: tests/requirements.txt .venv/packages
	@echo "Installing what the tests need into .venv, about two minutes, once."
	@$(PIP) --requirement $<
	@touch $@

# The apps that we are compared with never reach the environment that ours runs in.
.venv/bench/packages: tests/machinery/bench/requirements.txt $(OWN_LOCKS) | .venv
	$(PYTHON) -m venv .venv/bench
	$(BENCH_PIP) --requirement $<
	rm -rf .venv/bench/mfa2 .venv/bench/mfa3
	$(BENCH_PIP) --no-deps --target .venv/bench/mfa2 --requirement $(word 1, $(OWN_LOCKS))
	$(BENCH_PIP) --no-deps --target .venv/bench/mfa3 --requirement $(word 2, $(OWN_LOCKS))
	@touch $@

.venv:
	$(PYTHON) -m venv $@

.venv/uv: | .venv
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet uv==0.13.9

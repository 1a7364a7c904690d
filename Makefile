# Each target does its own set-up. README.md says what they are for.
GO      ?= go
PYTHON  ?= python3
OUT     ?= out
FUZZ    ?= 10s
export CGO_ENABLED ?= 0
export PCAPLINE_PYTHON ?= $(CURDIR)/.venv/bin/python
LAB_TOOLS = nginx:nginx-light vsftpd sshd:openssh-server dnsmasq:dnsmasq-base nmap hping3 hydra dig:bind9-dnsutils ping:iputils-ping curl
LINT    = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: run build test race lint bench microbench torch golden fuzz tools lab notebooks clean

run: build ## the main job on the bundled captures: tables, dataset, model, evaluation, report
	bin/pcapline run -o $(OUT) testdata/lab

build: ## the binary, static
	$(GO) build -trimpath -o bin/pcapline ./cmd/pcapline

test: tools ## every test
	$(GO) test ./...

race: tools ## every test under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short ./...

lint: ## formatting, vet and linters
	$(LINT) run ./...

bench: build tools ## pcapline beside its peers: the table in README
	.ci/debian editcap:wireshark-common
	.ci/bench $(BENCH)

microbench: ## Go benchmarks, as benchstat reads them
	$(GO) test -run '^$$' -bench . -benchmem ./...

torch: .venv-torch/.ready ## training beside PyTorch: the golden results anew, and speed beside PyTorch, Keras and onnxruntime
	PCAPLINE_TORCH=$(CURDIR)/.venv-torch/bin/python $(GO) test -count=1 -run PyTorch -v ./train/internal/graph
	.venv-torch/bin/python .ci/bench-train $(BENCH)

golden: ## rewrite golden files, then look at git diff
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

fuzz: ## each fuzz target for $(FUZZ)
	.ci/fuzz $(FUZZ)

lab: build ## record a lab with real servers, users and attacks into $(OUT)/lab (root; see pcapline simulate lab --help)
	.ci/debian $(LAB_TOOLS) slowhttptest wfuzz wapiti sqlmap
	bin/pcapline simulate lab -o $(OUT)/lab

tools: .venv/.ready ## what the tests compare with: tshark, Python readers
	.ci/debian tshark tcpdump ip:iproute2 capinfos:wireshark-common argus:argus-server ra:argus-client $(LAB_TOOLS)

.venv/.ready: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv-torch/.ready: requirements-torch.txt
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	touch $@

notebooks: run .venv-notebooks/.ready ## run every notebook on the main job's outputs; $(OUT)/notebooks/*.html
	notebooks/render $(OUT)

.venv-notebooks/.ready: requirements-notebooks.txt
	$(PYTHON) -m venv .venv-notebooks
	.venv-notebooks/bin/pip install --quiet --disable-pip-version-check -r requirements-notebooks.txt
	touch $@

clean:
	rm -rf $(OUT) bin .venv .venv-torch .venv-notebooks

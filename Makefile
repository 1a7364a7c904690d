# Each target does its own set-up. README.md says what they are for.
GO      ?= go
PYTHON  ?= python3
OUT     ?= out
FUZZ    ?= 10s
export CGO_ENABLED ?= 0
export PCAPLINE_PYTHON ?= $(CURDIR)/.venv/bin/python
LAB_TOOLS = nginx:nginx-light vsftpd sshd:openssh-server dnsmasq:dnsmasq-base nmap hping3 hydra dig:bind9-dnsutils ping:iputils-ping curl
LINT    = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: run build deb test race lint bench microbench torch torch-golden openblas spark golden fuzz release lab notebooks tools clean

run: build ## the main job on the bundled captures: tables, dataset, model, evaluation, report
	bin/pcapline run -o $(OUT) testdata/lab

build: ## the binary, static
	$(GO) build -trimpath -o bin/pcapline ./cmd/pcapline

deb: build $(OUT)/model.pcapline ## a Debian package of the binary, the model and the systemd units
	.ci/deb bin/pcapline $(OUT)/model.pcapline $(OUT)

$(OUT)/model.pcapline:
	$(MAKE) run

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

torch: torch-golden .venv-torch/.bench ## training beside PyTorch: the golden results anew, and speed beside PyTorch, Keras and onnxruntime
	.venv-torch/bin/python .ci/bench-train $(BENCH)

torch-golden: .venv-torch/.ready ## losses and weights beside those that PyTorch gives here and now
	PCAPLINE_TORCH=$(CURDIR)/.venv-torch/bin/python $(GO) test -count=1 -run PyTorch ./train/internal/graph

openblas: ## tests of the build with OpenBLAS
	.ci/openblas

spark: .venv-spark/.ready ## a batch on a Spark cluster of three processes, an executor killed, beside one machine
	PCAPLINE_SPARK=$(CURDIR)/.venv-spark/bin/python $(GO) test -count=1 -run Spark -v ./cmd/pcapline

golden: ## rewrite golden files, then look at git diff
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

fuzz: ## each fuzz target for $(FUZZ)
	.ci/fuzz $(FUZZ)

release: ## archives for all platforms, SBOM and checksums, under dist/
	.ci/release dist

lab: build ## record a lab with real servers, users and attacks into $(OUT)/lab (root; see pcapline simulate lab --help)
	.ci/debian $(LAB_TOOLS) slowhttptest wfuzz wapiti sqlmap npm mvn:maven javac:default-jdk-headless
	bin/pcapline simulate lab -o $(OUT)/lab

tools: .venv/.ready .tools/versitygw ## what the tests compare with: tshark, Python readers, an S3 server, a browser
	.ci/debian tshark tcpdump ip:iproute2 capinfos:wireshark-common argus:argus-server ra:argus-client \
		age fish zsh parallel chromium $(LAB_TOOLS)

.venv/.ready: requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.tools/versitygw: ## the S3 server that pcapio/store is tested with
	GOBIN=$(CURDIR)/.tools $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0

.venv-torch/.ready: requirements-torch.txt
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/pip install --quiet --disable-pip-version-check --no-cache-dir -r requirements-torch.txt
	touch $@

.venv-torch/.bench: .venv-torch/.ready requirements-bench.txt
	.venv-torch/bin/pip install --quiet --disable-pip-version-check --no-cache-dir -r requirements-bench.txt
	touch $@

.venv-spark/.ready: requirements-spark.txt
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/pip install --quiet --disable-pip-version-check -r requirements-spark.txt
	touch $@

notebooks: run .venv-notebooks/.ready ## run every notebook on the main job's outputs; $(OUT)/notebooks/*.html
	notebooks/render $(OUT)

.venv-notebooks/.ready: requirements-notebooks.txt
	$(PYTHON) -m venv .venv-notebooks
	.venv-notebooks/bin/pip install --quiet --disable-pip-version-check -r requirements-notebooks.txt
	touch $@

clean:
	rm -rf $(OUT) bin dist .venv .venv-torch .venv-spark .venv-notebooks .tools

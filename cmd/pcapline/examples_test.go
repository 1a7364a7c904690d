package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/train/antinex/api/apitest"
)

// examplesFirst makes what examples read that other examples make.
const examplesFirst = `
pcapline run -q -o out testdata/lab
cp -r out/dataset dataset
cp -r out/dataset other-dataset
cp out/model.pcapline model.pcapline
cp out/eval.json eval.json
pcapline flows -q -o flows.parquet testdata/lab
pcapline label -q --rules testdata/lab/truth.csv -o labelled flows.parquet
pcapline flatten -q -o packets.parquet --truth testdata/lab/truth.csv testdata/lab
pcapline anonymize -q --new-key secret.key -o anonymous.pcapng capture.pcap
pcapline replay -q --spool spool --speed max capture.pcapng
pcapline batch -q --corpus captures --out lake
pcapline watch -q --spool spool --model model.pcapline --once --scored scored > alerts.jsonl
pcapline score -q -o scored.parquet model.pcapline testdata/lab
pcapline flatten -q --dialect antinex -o packets.csv -f 'tcp' captures/scan_udp.pcapng
`

// antinexFirst makes the records that examples ask the server for.
const antinexFirst = `
pcapline antinex train -q --password-file secret --poll 10ms -f requests/scaler-full-django-antinex-simple.json
pcapline antinex prepare -q --password-file secret --poll 10ms -f requests/prepare-new-dataset.json
`

// wants is the exit status of examples that show a failure.
var wants = map[string]int{
	"pcapline audit --gate --label label_value attack.csv benign.csv":               exitGate,
	"pcapline label --pack cic-ids2017 --report fit.html -o labelled flows.parquet": exitGate,   // the lab is not that corpus
	"pcapline simulate arp -i eth0 --dst-ip 192.0.2.1":                              exitFailed, // nobody answers
	"pcapline label --rules eve.json --dry-run flows.parquet":                       exitGate,
}

// standIns are put in the place of what examples name and is not here: hosts'
// folders, buckets, keys.
func standIns(recipient string) *strings.Replacer {
	return strings.NewReplacer(
		"/var/lib/pcapline/eth0", "spool", " --alerts syslog:///dev/log", "",
		"s3://edge", "edge", "/mnt/out", "edge", "age1…", recipient,
		"lab/truth.csv lab/spool", "testdata/lab/truth.csv testdata/lab", "shop/truth.csv shop/spool", "testdata/lab/truth.csv testdata/lab",
	)
}

// staging is what an example needs around it.
type staging struct {
	prefix  string
	before  string // runs first, in the same shell
	endless bool   // it is interrupted after some seconds
	alone   bool   // it runs in a network of its own, with an interface eth0 or as named
	why     string // why it is not run here
}

var stagings = []staging{
	{prefix: "pcapline capture", before: "(while :; do ping -q -f -c 500 127.0.0.1 >/dev/null; done) & ", endless: true, alone: true},
	{prefix: "pcapline replay -i", alone: true},
	{prefix: "pcapline watch --spool spool --model model.pcapline --once"},
	{prefix: "pcapline watch", endless: true, alone: true},
	{prefix: "pcapline publish --queue queue --password-file secret --follow", endless: true},
	{prefix: "pcapline ship --sensor gate", endless: true},
	{prefix: "pcapline pull", before: "pcapline ship -q --sensor gate --spool spool --to edge --recipient age1… --state ship scored; "},
	{prefix: "pcapline simulate listen", endless: true, alone: true},
	{prefix: "pcapline simulate udp", before: "pcapline simulate listen-udp & sleep 1; ", alone: true},
	{prefix: "pcapline simulate tcp", before: "pcapline simulate listen-tcp --port 8010 & sleep 1; ", alone: true},
	{prefix: "pcapline simulate arp", alone: true},
	{prefix: "pcapline simulate icmp", alone: true},
	{prefix: "pcapline simulate lab -o", why: "the script simulate_lab records one"},
	{prefix: "pcapline simulate web --install", why: "the script simulate_web does with PCAPLINE_LAB=1: it downloads an application"},
}

func stagingOf(example string) staging {
	i := slices.IndexFunc(stagings, func(s staging) bool { return strings.HasPrefix(example, s.prefix) })
	if i < 0 {
		return staging{}
	}
	return stagings[i]
}

// TestExamples runs each example of each command's help in a shell, each in a
// copy of one folder, some beside each other.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes")
	}
	needsTools(t, "bash", "timeout")
	w := newWorld(t)
	s := apitest.New(t, false)
	s.Steps = []string{"finished"}
	w.env = []string{"ANTINEX_URL=" + s.URL, "ANTINEX_USER=" + apitest.User, "ANTINEX_PASSWORD=", "ANTINEX_PUBLISH_REQUEST_FILE="}
	id, err := age.GenerateX25519Identity()
	ok(t, err)
	ok(t, os.WriteFile(w.path("key.txt"), []byte(id.String()+"\n"), 0o600))
	ok(t, os.WriteFile(w.path("secret"), []byte(apitest.Password+"\n"), 0o600))
	w.must(t, examplesFirst+antinexFirst)
	for _, c := range commands() {
		examplesOf(t, w, c, standIns(id.Recipient().String()))
	}
}

func examplesOf(t *testing.T, w *world, c *cli.Command, here *strings.Replacer) {
	for _, sub := range c.Subcommands {
		examplesOf(t, w, sub, here)
	}
	if c.UsageText == "" && len(c.Subcommands) == 0 {
		t.Errorf("%s has no examples", c.Name)
	}
	for _, example := range linesOf(c.UsageText) {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			s := stagingOf(example)
			if s.why != "" {
				t.Skip(s.why)
			}
			w := w.copy(t)
			for _, target := range targetsOf(example) { // it is to be made
				ok(t, os.RemoveAll(w.path(target)))
			}
			if out, code := w.sh(here.Replace(s.script(t, example))); code != wants[example] {
				t.Errorf("ends with %d, not %d:\n%s", code, wants[example], out)
			}
		})
	}
}

// script is the example with what it needs around it.
func (s staging) script(t *testing.T, example string) string {
	t.Helper()
	script := example
	if s.endless {
		script = "status=0; timeout -s INT 3 " + strings.TrimSuffix(example, " &") + " || status=$?; test $status = 0 -o $status = 130 -o $status = 124"
	}
	script = s.before + script
	if !s.alone {
		return script
	}
	needsTools(t, "unshare", "ip", "ping")
	if err := exec.Command("unshare", "-n", "ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1").Run(); err != nil {
		t.Skipf("no network namespace with a veth pair can be made here: %v", err)
	}
	device := "eth0"
	if words := strings.Fields(example); slices.Contains(words, "-i") && words[slices.Index(words, "-i")+1] != "lo" {
		device = words[slices.Index(words, "-i")+1]
	}
	script = "ip link set lo up; ip link add " + device + " type veth peer name peer0; ip link set peer0 up; ip link set " + device + " up\n" +
		"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + script
	return "unshare -n bash -euc '" + strings.ReplaceAll(script, "'", `'\''`) + "'"
}

// targetsOf are the files and folders that an example makes.
func targetsOf(example string) (made []string) {
	words := strings.Fields(example)
	for i, word := range words {
		if slices.Contains([]string{"-o", "-w", "--new-key"}, word) {
			made = append(made, words[i+1])
		}
	}
	return made
}

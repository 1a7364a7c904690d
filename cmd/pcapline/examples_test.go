package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
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
`

// wants is the exit status of examples that show a failure.
var wants = map[string]int{
	"pcapline audit --gate --label label_value attack.csv benign.csv":               exitGate,
	"pcapline label --pack cic-ids2017 --report fit.html -o labelled flows.parquet": exitGate, // the lab is not that corpus
	"pcapline label --rules eve.json --dry-run flows.parquet":                       exitGate,
}

// TestExamples runs each example of each command's help in a shell, each in a
// copy of one folder.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes")
	}
	needsTools(t, "bash")
	w := newWorld(t)
	w.must(t, examplesFirst)
	for _, c := range commands() {
		examplesOf(t, w, c)
	}
}

func examplesOf(t *testing.T, w *world, c *cli.Command) {
	for _, sub := range c.Subcommands {
		examplesOf(t, w, sub)
	}
	if c.UsageText == "" && len(c.Subcommands) == 0 {
		t.Errorf("%s has no examples", c.Name)
	}
	for _, example := range linesOf(c.UsageText) {
		t.Run(example, func(t *testing.T) {
			w := w.copy(t)
			for _, target := range targetsOf(example) { // it is to be made
				ok(t, os.RemoveAll(w.path(target)))
			}
			script := example
			if device := deviceOf(example); device != "" {
				script = inOtherNetwork(t, device, example)
			}
			if out, code := w.sh(script); code != wants[example] {
				t.Errorf("ends with %d, not %d:\n%s", code, wants[example], out)
			}
		})
	}
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

// deviceOf is the interface that an example captures from or sends to.
func deviceOf(example string) string {
	words := strings.Fields(example)
	if i := slices.Index(words, "-i"); i >= 0 {
		return words[i+1]
	}
	return ""
}

// inOtherNetwork is a script that runs an example in a network of its own with
// the interface it names and somebody who talks on it.
func inOtherNetwork(t *testing.T, device, example string) string {
	t.Helper()
	needsTools(t, "unshare", "ip", "ping")
	if err := exec.Command("unshare", "-n", "ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1").Run(); err != nil {
		t.Skipf("no network namespace with a veth pair can be made here: %v", err)
	}
	script := "ip link set lo up\n"
	if device != "lo" {
		script += "ip link add " + device + " type veth peer name peer0; ip link set peer0 up; ip link set " + device + " up\n"
	}
	if strings.Contains(example, " capture ") {
		script += "(while :; do ping -q -f -c 500 127.0.0.1 >/dev/null; done) & talker=$!\n" +
			"status=0; timeout -s INT 10 " + example + " || status=$?\n" +
			"kill $talker; test $status = 0 -o $status = 130 -o $status = 124\n"
	} else {
		script += example + "\n"
	}
	return "unshare -n bash -euc '" + strings.ReplaceAll(script, "'", `'\''`) + "'"
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pcapline": main})
}

// TestScripts runs the commands as a shell would: testdata/script has a file
// for each behaviour.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TESTDATA", filepath.Join(root, "testdata"))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			root := os.Getuid() == 0 && exec.Command("unshare", "-n", "ip", "link").Run() == nil
			switch cond {
			case "root":
				return root, nil
			case "lab":
				return root && missing("nginx", "vsftpd", "sshd", "dnsmasq", "nmap", "hydra", "hping3", "dig", "ping", "curl") == "", nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":     status,
			"replace":    replace,
			"truncate":   truncate,
			"same":       sameBytes,
			"samefigure": sameFigure,
		},
	})
}

// missing is the first of the programs that is not here.
func missing(programs ...string) string {
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// status CODE PROGRAM ARGS... runs a program that must end with the code.
func status(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var coded interface{ ExitCode() int }
		if !errors.As(err, &coded) {
			ts.Fatalf("%v", err)
		}
		got = coded.ExitCode()
	}
	if want, _ := strconv.Atoi(args[0]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// same A B compares binary files without printing them.
func sameBytes(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same FILE FILE")
	}
	var data [2][]byte
	for i, name := range args {
		var err error
		data[i], err = os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
	}
	for i := range min(len(data[0]), len(data[1])) {
		if data[0][i] != data[1][i] {
			ts.Fatalf("%s and %s differ at byte %d", args[0], args[1], i)
		}
	}
	if len(data[0]) != len(data[1]) {
		ts.Fatalf("%s has %d bytes, %s has %d", args[0], len(data[0]), args[1], len(data[1]))
	}
}

// samefigure A B KEY compares the first figure of that name in JSON files.
func sameFigure(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: samefigure FILE FILE KEY")
	}
	var found [2]string
	for i, name := range args[:2] {
		match := regexp.MustCompile(`"` + args[2] + `": ([-0-9.e]+)`).FindStringSubmatch(ts.ReadFile(name))
		if match == nil {
			ts.Fatalf("%s has no figure %s", name, args[2])
		}
		found[i] = match[1]
	}
	if found[0] != found[1] {
		ts.Fatalf("%s is %s in %s, %s in %s", args[2], found[0], args[0], found[1], args[1])
	}
}

// replace FILE OLD NEW writes NEW in the place of the first OLD.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not have %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o644))
}

// truncate FROM TO SIZE copies the first SIZE bytes of a file.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: truncate FROM TO SIZE")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data[:min(n, len(data))], 0o644))
}

// TestEveryCommandExplainsItself walks all commands: each has a usage line,
// examples and a unique set of flag names, and its help prints.
func TestEveryCommandExplainsItself(t *testing.T) {
	for _, c := range commands() {
		if c.Usage == "" {
			t.Errorf("%s has no usage line", c.Name)
		}
		seen := map[string]bool{}
		for _, f := range append(globalFlags(), c.Flags...) {
			for _, n := range f.Names() {
				if seen[n] {
					t.Errorf("%s: flag %s is declared twice", c.Name, n)
				}
				seen[n] = true
			}
		}
		var out, errs strings.Builder
		if code := run(context.Background(), []string{"pcapline", c.Name, "--help"}, &out, &errs); code != 0 {
			t.Errorf("%s --help exits %d: %s", c.Name, code, errs.String())
		}
		if !strings.Contains(out.String(), "EXIT STATUS") {
			t.Errorf("%s --help has no exit status section", c.Name)
		}
	}
}

func Example_permute() {
	app := newApp(os.Stdout, os.Stderr)
	args, _ := permute(app, []string{"pcapline", "flatten", "in.pcap", "-o", "x.parquet", "--json", "-j4"})
	fmt.Println(args)
	// Output: [pcapline --json flatten --output=x.parquet --workers=4 -- in.pcap]
}

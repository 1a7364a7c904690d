package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnits has systemd itself look at the units that we ship.
func TestSystemdUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	units, err := filepath.Glob("systemd/*")
	if err != nil || len(units) == 0 {
		t.Fatalf("no units: %v", err)
	}
	dir := t.TempDir() // a timer is verified beside its service
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		// verify asks for a program that is there; the package installs it.
		copied := filepath.Join(dir, filepath.Base(unit))
		text = []byte(strings.ReplaceAll(string(text), "/usr/bin/pcapline", self))
		if err := os.WriteFile(copied, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(analyze, "verify", "--man=no", copied).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
		if filepath.Ext(unit) != ".service" {
			continue
		}
		// The threshold is in tenths: 2.0 of 10, where 10 is a service without any protection.
		if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", copied).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", unit, err, lastLines(string(out), 3))
		}
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

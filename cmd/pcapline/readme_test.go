package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReadme holds README.md to what the program declares.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	for _, e := range exitCodes {
		if line := fmt.Sprintf("| %d | %s |", e.code, e.meaning); !strings.Contains(readme, line) {
			t.Errorf("README.md lacks the exit status line %q", line)
		}
	}
	for _, c := range commands() {
		if c.Name != "version" && !strings.Contains(readme, "| `"+c.Name+"` |") {
			t.Errorf("README.md lacks the command %s", c.Name)
		}
	}
}

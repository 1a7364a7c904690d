package main

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peakOf runs a command that must succeed and returns what it printed and the
// most memory that it held, in bytes. The kernel's own figure at the end
// (ru_maxrss) begins with what the process held that started it.
func peakOf(t *testing.T, cmd *exec.Cmd) (out []byte, peak int64) {
	t.Helper()
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	ok(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		peak = max(peak, highWater(cmd.Process.Pid))
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%s", err, printed.Bytes())
			}
			return printed.Bytes(), peak
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// highWater is VmHWM of a process, 0 where it is gone. cmd.Start returns when
// the program has begun.
func highWater(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return kB << 10
}

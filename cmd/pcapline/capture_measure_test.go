//go:build linux

package main

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// TestCaptureMeasured compares the command, writing a spool, with dumpcap and
// tcpdump: packets lost and CPU seconds, with rings of 64 MiB.
// PCAPLINE_MEASURE is how many packets to send, as fast as they go.
func TestCaptureMeasured(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE"))
	if count == 0 {
		t.Skip("set PCAPLINE_MEASURE=600000")
	}
	if !inNamespace(t) {
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "pcapline") // the disk is not what is measured
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, size := range []int{64, 512, 1500} {
		for round := range 3 {
			for _, args := range [][]string{
				{"pcapline", "-q", "capture", "--promiscuous", "-i", "tvb", "--ring", "64MiB", "-w"},
				{"dumpcap", "-q", "-i", "tvb", "-B", "64", "-w"},
				{"tcpdump", "-q", "-n", "-i", "tvb", "-B", "65536", "-w"},
			} {
				if _, err := exec.LookPath(args[0]); err == nil {
					measureTool(t, args, filepath.Join(dir, args[0]), round, count, size)
				}
			}
		}
	}
}

// measureTool runs one program while packets are sent, and logs a line.
func measureTool(t *testing.T, args []string, to string, round, count, size int) {
	c := startTool(t, append(args, to)...)
	time.Sleep(500 * time.Millisecond)
	s := newSender(t)
	begin := time.Now()
	if err := s.send(count, size); err != nil {
		t.Fatal(err)
	}
	rate := float64(count) / time.Since(begin).Seconds()
	time.Sleep(1500 * time.Millisecond)
	c.end(t, unix.SIGINT)
	files := []string{to}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(to, "*.pcapng"))
	}
	got := 0
	for _, f := range files {
		got += packetsIn(t, f)
	}
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	t.Logf("%-8s %4d bytes, round %d: %6d of %d lost, %.2f CPU s (%.2f user), %.0f packets/s offered; %s",
		args[0], size, round+1, count-got, count, cpu.Seconds(), c.ProcessState.UserTime().Seconds(), rate, strings.Join(strings.Fields(c.out.String()+c.err.String()), " "))
	os.RemoveAll(to)
}

// packetsIn counts the test's packets in a file.
func packetsIn(t *testing.T, file string) (n int) {
	t.Helper()
	r, err := pcapio.Open(file, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var p pcapio.Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		if len(p.Data) >= 14 && binary.BigEndian.Uint16(p.Data[12:]) == testType {
			n++
		}
	}
	if err != io.EOF {
		t.Errorf("%s: %v", file, err)
	}
	return n
}

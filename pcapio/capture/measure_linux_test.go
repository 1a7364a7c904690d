package capture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

// agentFile, when set, makes the process a capture program: see TestMain.
const agentFile = "PCAPLINE_TEST_AGENT"

// TestMain lets TestMeasure start this package as a program of its own, whose
// CPU time is that of capturing and writing alone.
func TestMain(m *testing.M) {
	if file := os.Getenv(agentFile); file != "" {
		if err := agent(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// agent captures tvb into a pcapng file until SIGINT.
func agent(file string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	h, err := Open(Config{Interfaces: []string{"tvb"}, Promiscuous: true})
	if err != nil {
		return err
	}
	defer h.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := pcapio.NewWriter(f, pcapio.WriterOptions{}, h.Interfaces()...)
	if err != nil {
		return err
	}
	err = h.Run(ctx, func(pkts []pcapio.Packet) error {
		for i := range pkts {
			if err := w.Write(&pkts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Println(h.Stats(0))
	return nil
}

// TestMeasure compares this package with dumpcap and tcpdump: packets lost and
// CPU seconds. PCAPLINE_MEASURE is how many packets to send (600000),
// PCAPLINE_RATE how many a second (as many as go); the files are written to
// TMPDIR, which should be a tmpfs.
func TestMeasure(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("PCAPLINE_MEASURE"))
	if count == 0 {
		t.Skip("set PCAPLINE_MEASURE=600000")
	}
	if !inNamespace(t) {
		return
	}
	near, _ := pair(t)
	dir := t.TempDir()
	for _, size := range []int{64, 512, 1500} {
		for round := range 2 {
			for _, tool := range []struct {
				name string
				args []string
			}{
				{"pcapline", []string{os.Args[0]}},
				{"tcpdump", []string{"tcpdump", "-q", "-n", "-B", "65536", "-i", "tvb", "-w"}},
				{"dumpcap", []string{"dumpcap", "-q", "-B", "64", "-i", "tvb", "-w"}},
			} {
				if _, err := exec.LookPath(tool.args[0]); err != nil {
					continue
				}
				file := filepath.Join(dir, tool.name)
				args := tool.args
				if tool.name != "pcapline" {
					args = append(args, file)
				}
				rate, cpu, said := measure(t, near, file, args, size, count)
				got := packetsIn(t, file)
				t.Logf("%-8s %4d bytes, round %d: %6d of %d lost, %.2f CPU s, %.0f packets/s offered; %s",
					tool.name, size, round+1, count-got, count, cpu, rate, said)
				os.Remove(file)
			}
		}
	}
}

// measure runs one tool while packets are sent.
func measure(t *testing.T, near, file string, args []string, size, count int) (rate, cpu float64, said string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), agentFile+"="+file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, args[0]+" listens", func() bool {
		b, err := os.ReadFile("/proc/net/packet")
		return err != nil || bytes.Count(b, []byte("\n")) >= 2
	})
	time.Sleep(500 * time.Millisecond)
	s := newSender(t, near)
	_ = unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	f := numbered(size)
	pace, _ := strconv.Atoi(os.Getenv("PCAPLINE_RATE"))
	begin := time.Now()
	for i := range count {
		setNumber(f, i)
		s.send(t, f)
		for pace > 0 && i%64 == 0 && time.Since(begin) < time.Duration(i)*time.Second/time.Duration(pace) {
			runtime.Gosched()
		}
	}
	rate = float64(count) / time.Since(begin).Seconds()
	unix.Close(s.fd)
	time.Sleep(1500 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %s", args[0], err, out.String())
	}
	cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return rate, cpu, strings.Join(strings.Fields(out.String()), " ")
}

// packetsIn counts the test's packets in a file.
func packetsIn(t *testing.T, file string) int {
	r, err := pcapio.Open(file, pcapio.Options{})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer r.Close()
	n := 0
	var p pcapio.Packet
	for {
		err := r.Next(&p)
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Error(err)
			return n
		}
		if len(p.Data) >= 14 && p.Data[12] == testType>>8 && p.Data[13] == testType&0xff {
			n++
		}
	}
}

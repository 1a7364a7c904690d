package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapline/pcapline/pcapio"
)

// TestSpark runs a batch on a standalone cluster of Spark, a master and two
// workers in processes of their own, over 44 captures, one of them more than
// 500 MB and cut, one of them poison, and kills an executor in the middle. The
// lake must have the bytes that one machine gives it. PCAPLINE_SPARK names the
// Python that has pyspark; make spark sets it.
func TestSpark(t *testing.T) {
	python := os.Getenv("PCAPLINE_SPARK")
	if python == "" {
		t.Skip("PCAPLINE_SPARK is not set (make spark)")
	}
	dir := t.TempDir()
	captures := sparkCorpus(t, filepath.Join(dir, "captures"))
	config := filepath.Join(dir, "batch.yaml")
	truth, err := filepath.Abs(filepath.Join("..", "..", "testdata", "lab", "truth.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("shard: 24MB\nflows:\n  span: true\npackets:\n  payload: none\nlabels:\n  rules: [%s]\n", truth)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(dir, "one")
	begun := time.Now()
	out, err := exec.Command("pcapline", "-q", "batch", "--corpus", captures, "--out", one, "--config", config).CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != exitDamaged {
		t.Fatalf("%v\n%s", err, out)
	}
	alone := time.Since(begun)

	c := newCluster(t, python, dir)
	begun = time.Now()
	many := filepath.Join(dir, "many")
	said := c.submit(many, "--corpus", captures, "--config", config, "--dataset", filepath.Join(dir, "dataset"))
	sameTrees(t, tree(t, many), tree(t, one))
	c.judge(said)
	t.Logf("one machine %v, Spark %v with its start: %s", alone.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond), said)
	if out, err := exec.Command("pcapline", "verify", many).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// sparkCorpus makes the captures: the lab's, each also plain, their packets over and
// over again in one large file, and rubbish.
func sparkCorpus(t *testing.T, dir string) string {
	t.Helper()
	lab, err := filepath.Glob(filepath.Join("..", "..", "testdata", "lab", "*.pcapng.zst"))
	if err != nil || len(lab) < 21 {
		t.Fatalf("lab: %v, %v", lab, err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	var packets []pcapio.Packet
	for i, path := range lab {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		own := readAll(t, path)
		packets = append(packets, own...)
		if i < 21 {
			writePlain(t, filepath.Join(dir, fmt.Sprintf("plain%02d.pcap", i)), own, 1)
		}
	}
	size := writePlain(t, filepath.Join(dir, "big.pcap"), packets, 500_000_000)
	if size < 500_000_000 {
		t.Fatalf("the large capture has %d bytes", size)
	}
	if err := os.WriteFile(filepath.Join(dir, "poison.pcap"), []byte("no capture"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readAll(t *testing.T, path string) (packets []pcapio.Packet) {
	t.Helper()
	r, err := pcapio.Open(path, pcapio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		var p pcapio.Packet
		if err := r.Next(&p); err == io.EOF {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		p.Data, p.Interface = bytes.Clone(p.Data), 0
		packets = append(packets, p)
	}
}

// writePlain writes packets again and again, each time ten minutes later, until there are size bytes.
func writePlain(t *testing.T, path string, packets []pcapio.Packet, size int64) (written int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pcapio.NewWriter(f, pcapio.WriterOptions{Pcap: true}, pcapio.Interface{LinkType: pcapio.LinkEthernet})
	for round := int64(0); err == nil && written < size; round++ {
		for _, p := range packets {
			p.Time += round * int64(10*time.Minute)
			if err = w.Write(&p); err != nil {
				break
			}
			written += 16 + int64(len(p.Data))
		}
	}
	if err := errors.Join(err, w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return written
}

// cluster is a master and two workers on the loopback interface.
type cluster struct {
	t       *testing.T
	bin     string
	python  string
	dir     string
	master  string
	workers []*exec.Cmd
}

func newCluster(t *testing.T, python, dir string) *cluster {
	t.Helper()
	out, err := exec.Command(python, "-c", "import pyspark, os; print(os.path.dirname(pyspark.__file__))").Output()
	if err != nil {
		t.Fatalf("pyspark: %v", err)
	}
	port := freePort(t)
	c := &cluster{t: t, bin: filepath.Join(strings.TrimSpace(string(out)), "bin"), python: python, dir: dir}
	c.master = "spark://127.0.0.1:" + port
	c.start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0")
	for i := range 2 {
		c.workers = append(c.workers, c.start(fmt.Sprint("worker", i), "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1",
			"--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", filepath.Join(dir, fmt.Sprint("worker", i)), c.master))
	}
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (c *cluster) environment() []string {
	return append(os.Environ(), "SPARK_LOCAL_IP=127.0.0.1", "PYSPARK_PYTHON="+c.python, "SPARK_HOME="+filepath.Dir(c.bin), "SPARK_LOCAL_DIRS="+c.dir)
}

// start starts a process of the cluster, which ends with the test.
func (c *cluster) start(name string, args ...string) *exec.Cmd {
	c.t.Helper()
	log, err := os.Create(filepath.Join(c.dir, name+".log"))
	if err != nil {
		c.t.Fatal(err)
	}
	p := exec.Command(filepath.Join(c.bin, "spark-class"), args...)
	p.Env, p.Stdout, p.Stderr = c.environment(), log, log
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = p.Process.Signal(os.Interrupt)
		time.AfterFunc(10*time.Second, func() { _ = p.Process.Kill() })
		_ = p.Wait()
		log.Close()
	})
	return p
}

// submit runs the job, kills an executor when some shards are done, and gives
// the line in which the job says who did what.
func (c *cluster) submit(lake string, flags ...string) string {
	c.t.Helper()
	tool, err := exec.LookPath("pcapline")
	if err != nil {
		c.t.Fatal(err)
	}
	args := append([]string{
		"--master", c.master, "--executor-memory", "600m", "--executor-cores", "1", "--driver-memory", "800m",
		"--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.ui.enabled=false",
		"--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.scheduler.minRegisteredResourcesRatio=1.0",
		filepath.Join("engines", "spark_batch.py"), "--pcapline", tool, "--out", lake,
	}, flags...)
	p := exec.Command(filepath.Join(c.bin, "spark-submit"), args...)
	var out, log bytes.Buffer
	p.Env, p.Stdout, p.Stderr = c.environment(), &out, &log
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() { c.killExecutor(lake, ended) })
	err = p.Wait()
	close(ended)
	killer.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitDamaged {
		c.t.Fatalf("spark-submit: %v, want status %d\n%s", err, exitDamaged, lastLines(log.String(), 40))
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, `{"run"`) {
			return strings.TrimSpace(line)
		}
	}
	c.t.Fatalf("the job says nothing of its executors\n%s", lastLines(out.String(), 40))
	return ""
}

// killExecutor kills the first worker's executor when three shards are done.
func (c *cluster) killExecutor(lake string, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			c.t.Error("the job ended before an executor was killed")
			return
		case <-time.After(20 * time.Millisecond):
		}
		done, _ := filepath.Glob(filepath.Join(lake, ".work", "*", "receipts", "*.json"))
		if len(done) < 3 {
			continue
		}
		for _, pid := range childrenOf(c.workers[0].Process.Pid) {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if !bytes.Contains(command, []byte("CoarseGrainedExecutorBackend")) {
				continue
			}
			if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
				c.t.Logf("killed executor process %d with %d shards done", pid, len(done))
				return
			}
		}
	}
}

// childrenOf lists the processes that a process has started.
func childrenOf(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ") // the name may have spaces
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// judge checks that the work was shared, and that an executor was lost.
func (c *cluster) judge(said string) {
	c.t.Helper()
	var r struct {
		Shards    int `json:"shards"`
		Executors []struct {
			ID     string `json:"id"`
			Tasks  int    `json:"tasks"`
			Failed int    `json:"failed"`
			Alive  bool   `json:"alive"`
		} `json:"executors"`
	}
	if err := json.Unmarshal([]byte(said), &r); err != nil {
		c.t.Fatal(err)
	}
	worked, lost := 0, 0
	for _, e := range r.Executors {
		if e.Tasks > 0 {
			worked++
		}
		if !e.Alive {
			lost++
		}
	}
	if worked < 2 || lost < 1 || r.Shards < 10 {
		c.t.Errorf("%d executors did tasks, %d were lost, %d shards: %s", worked, lost, r.Shards, said)
	}
}

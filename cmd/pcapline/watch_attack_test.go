//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pcapline/pcapline/train/watch"
	"github.com/pcapline/pcapline/transform"
)

const (
	serverAddr   = "10.9.0.1"
	clientAddr   = "10.9.0.2"
	attackerAddr = "10.9.0.3"

	alertWithin = 2 * time.Second // from the first packet of an attack to its first alert
	falseAlarms = 0.03            // of the benign flows beside, at most
)

// TestWatchSeesAttacks has real tools attack a real server, with benign traffic
// beside, and a model of early views that learned from the bundled captures, on
// other machines. The threshold is one that raised next to no alert in a few seconds of
// this network's benign traffic, as an operator would choose it.
func TestWatchSeesAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains on all bundled captures")
	}
	needsTools(t, "nmap", "hping3", "hydra", "nginx", "curl", "nsenter")
	if os.Geteuid() != 0 {
		t.Skip("network namespaces for server, client and attacker need root")
	}
	if !inNamespace(t) {
		return
	}
	dir := t.TempDir()
	model := earlyModel(t, dir)
	n := newNetwork(t, dir)
	in := filepath.Join(dir, "spool")
	c := startTool(t, "pcapline", "-q", "capture", "-i", "vserver", "-w", in, "-b", "duration:5")
	n.benign(t, 5*time.Second)
	threshold := calibrated(t, dir, in, model)

	w := startAlerts(t, "-q", "watch", "--spool", in, "--model", model, "--scored", filepath.Join(dir, "scored"),
		"--threshold", fmt.Sprint(threshold), "--dedup", "-1s", "--alert-rate", "1e6", "--alert-burst", "1000000")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				n.benign(t, 100*time.Millisecond)
			}
		}
	}()
	var attacks []*attack
	for _, args := range n.attacks(t) {
		attacks = append(attacks, n.attack(t, args))
		time.Sleep(1500 * time.Millisecond) // so that the alerts of one are over when the next begins
	}
	close(stop)
	<-stopped
	c.end(t, os.Interrupt)
	time.Sleep(alertWithin)
	w.end(t, os.Interrupt)
	rows := scoredRows(t, filepath.Join(dir, "scored"))
	for _, a := range attacks {
		w.judge(t, a, rows)
	}
	benignAlarms(t, rows, threshold)
}

// earlyModel learns from the bundled captures what flows are like early.
func earlyModel(t *testing.T, dir string) string {
	t.Helper()
	lab := filepath.Join("..", "..", "testdata", "lab")
	table, dataset, model := filepath.Join(dir, "early.parquet"), filepath.Join(dir, "dataset"), filepath.Join(dir, "early.model")
	pcapline(t, "-q", "flows", "--span", "--early-packets", "8", "--early-time", "500ms", "--truth", filepath.Join(lab, "truth.csv"), "-o", table, lab)
	pcapline(t, "-q", "prepare", "-o", dataset, table)
	pcapline(t, "-q", "train", "--epochs", "20", "-o", model, dataset)
	return model
}

// network is a server, a client and an attacker on a bridge, each in a
// namespace of its own; the sensor's is the one around them.
type network struct {
	dir  string
	pids map[string]int // a process that holds each namespace
}

func newNetwork(t *testing.T, dir string) *network {
	t.Helper()
	n := &network{dir: dir, pids: map[string]int{}}
	program(t, "ip", "link", "add", "br0", "type", "bridge")
	program(t, "ip", "link", "set", "br0", "up")
	for _, host := range [][2]string{{"server", serverAddr}, {"client", clientAddr}, {"attacker", attackerAddr}} {
		name, addr := host[0], host[1]
		holder := exec.Command("unshare", "-n", "sleep", "600")
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { holder.Process.Kill(); holder.Wait() })
		pid := holder.Process.Pid
		n.pids[name] = pid
		own, _ := os.Readlink("/proc/self/ns/net")
		eventually(t, name+" has a namespace", func() bool {
			its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
			return err == nil && its != own
		})
		program(t, "ip", "link", "add", "v"+name, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid))
		program(t, "ip", "link", "set", "v"+name, "master", "br0", "up")
		for _, args := range []string{"link set lo up", "addr add " + addr + "/24 dev eth0", "link set eth0 up"} {
			program(t, "nsenter", append([]string{"-t", strconv.Itoa(pid), "-n", "ip"}, strings.Fields(args)...)...)
		}
	}
	n.serve(t)
	return n
}

func program(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// in is a command in the namespace of a host.
func (n *network) in(host string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(n.pids[host]), "-n"}, args...)...)
}

// serve starts nginx with a page, a large file and a page behind a password.
func (n *network) serve(t *testing.T) {
	t.Helper()
	files := map[string]string{
		"www/index.html": "<h1>hello</h1>\n", "www/big.bin": strings.Repeat("0123456789abcdef", 8192), "htpasswd": "admin:{PLAIN}correct\n",
		"nginx.conf": fmt.Sprintf(`daemon off; user root; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http { access_log off; client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
server { listen 80; root %[1]s/www; location /private { auth_basic x; auth_basic_user_file %[1]s/htpasswd; } } }
`, n.dir),
	}
	for name, text := range files {
		path := filepath.Join(n.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	nginx := n.in("server", "nginx", "-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"))
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nginx.Process.Signal(os.Interrupt); nginx.Wait() })
	eventually(t, "nginx answers", func() bool { return n.get("/") == nil })
}

func (n *network) get(path string, flags ...string) error {
	return n.in("client", append([]string{"curl", "-s", "-m", "10", "-o", "/dev/null", "http://" + serverAddr + path}, flags...)...).Run()
}

// benign is a client that reads pages for a while.
func (n *network) benign(t *testing.T, d time.Duration) {
	end := time.Now().Add(d)
	for i := 0; time.Now().Before(end); i++ {
		err := n.get("/index.html")
		if err == nil {
			err = n.get("/big.bin", "-A", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
		}
		if err != nil {
			t.Errorf("client: %v", err)
			return
		}
		time.Sleep(time.Duration(20+i%7*20) * time.Millisecond)
	}
}

// attacks are the tools' command lines.
func (n *network) attacks(t *testing.T) [][]string {
	t.Helper()
	words := filepath.Join(n.dir, "words")
	if err := os.WriteFile(words, []byte(strings.Join(strings.Split("abcdefghijklmnopqrst", ""), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return [][]string{
		{"nmap", "-n", "-Pn", "-sS", "-T4", "-p", "1-1000", serverAddr},
		{"timeout", "2", "hping3", "-q", "-S", "-p", "80", "-i", "u2000", serverAddr},
		{"timeout", "10", "hydra", "-I", "-l", "admin", "-P", words, "-t", "4", "http-get://" + serverAddr + "/private"},
	}
}

// attack is one tool's run.
type attack struct {
	name     string
	from, to time.Time
}

func (n *network) attack(t *testing.T, args []string) *attack {
	a := &attack{name: args[0], from: time.Now()}
	if a.name == "timeout" {
		a.name = args[2]
	}
	cmd := n.in("attacker", args...)
	cmd.Dir = n.dir
	out, err := cmd.CombinedOutput() // hping3 and hydra end with a status of their own
	a.to = time.Now()
	t.Logf("%s ran for %v: %v", a.name, a.to.Sub(a.from).Round(time.Millisecond), err)
	if a.name == "nmap" && err != nil {
		t.Errorf("nmap: %v: %s", err, out)
	}
	return a
}

// calibrated gives a threshold a little above nearly all scores of what is in
// the spool.
func calibrated(t *testing.T, dir, in, model string) float64 {
	t.Helper()
	scored := filepath.Join(dir, "calibration")
	pcapline(t, "-q", "watch", "--spool", in, "--model", model, "--once", "--scored", scored, "--alerts", filepath.Join(dir, "calibration.jsonl"))
	var scores []float64
	for _, row := range scoredRows(t, scored) {
		scores = append(scores, row.score)
	}
	slices.Sort(scores)
	if len(scores) < 50 {
		t.Fatalf("%d benign flows are nothing to choose a threshold by", len(scores))
	}
	high := scores[len(scores)-1-len(scores)/50]
	if high > 0.8 {
		t.Fatalf("of %d benign flows one in fifty has more than %v: nothing to choose a threshold by", len(scores), high)
	}
	t.Logf("threshold: one in fifty of %d benign flows has more than %.3f; alerts from 0.15 more on", len(scores), high)
	return high + 0.15
}

type scoredRow struct {
	src   string
	start time.Time
	score float64
}

func scoredRows(t *testing.T, dir string) (rows []scoredRow) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, table := range tables {
		out := filepath.Join(t.TempDir(), "scored.csv")
		if _, err := transform.Rewrite(context.Background(), table, transform.Output{Path: out, Columns: []string{"src_ip", "ts_ns", "score"}}, nil, nil); err != nil {
			t.Fatal(err)
		}
		for _, line := range lines(t, out)[1:] {
			cells := strings.Split(line, ",")
			ns, err1 := strconv.ParseInt(cells[1], 10, 64)
			score, err2 := strconv.ParseFloat(cells[2], 64)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, scoredRow{cells[0], time.Unix(0, ns), score})
		}
	}
	return rows
}

// alerting is a watch whose alerts are noted when they come.
type alerting struct {
	*captured
	mu     sync.Mutex
	alerts []arrived
}

type arrived struct {
	watch.Alert
	at time.Time
}

func startAlerts(t *testing.T, args ...string) *alerting {
	t.Helper()
	w := &alerting{captured: &captured{Cmd: exec.Command("pcapline", args...), ended: make(chan struct{})}}
	w.Stderr = &w.err
	out, err := w.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			a := arrived{at: time.Now()}
			if err := json.Unmarshal(lines.Bytes(), &a.Alert); err != nil {
				t.Errorf("%q: %v", lines.Text(), err)
			}
			w.mu.Lock()
			w.alerts = append(w.alerts, a)
			w.mu.Unlock()
		}
		w.failure = w.Wait()
		close(w.ended)
	}()
	t.Cleanup(func() { w.Process.Kill(); <-w.ended })
	return w
}

// judge asks that an attack's first alert came soon after its first packet, of
// any flow that was scored.
func (w *alerting) judge(t *testing.T, a *attack, rows []scoredRow) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	first, came, n := a.to, time.Time{}, 0
	for _, row := range rows {
		if row.src == attackerAddr && row.start.After(a.from) && row.start.Before(first) {
			first = row.start
		}
	}
	for i := range w.alerts {
		start, err := time.Parse(time.RFC3339Nano, w.alerts[i].Flow.Start)
		if err != nil {
			t.Fatal(err)
		}
		if w.alerts[i].Flow.Source != attackerAddr || start.Before(a.from) || start.After(a.to) {
			continue
		}
		n++
		if came.IsZero() || w.alerts[i].at.Before(came) {
			came = w.alerts[i].at
		}
	}
	if n == 0 || came.Sub(first) > alertWithin {
		t.Errorf("%s: %d alerts, the first %v after the first packet", a.name, n, came.Sub(first))
		return
	}
	t.Logf("%s: first alert %v after the first packet, %d in all", a.name, came.Sub(first).Round(time.Millisecond), n)
}

// benignAlarms counts alerts of flows that the attacker has no part in.
func benignAlarms(t *testing.T, rows []scoredRow, threshold float64) {
	t.Helper()
	flows, alarms := 0, 0
	for _, row := range rows {
		if row.src == attackerAddr {
			continue
		}
		flows++
		if row.score >= threshold {
			alarms++
		}
	}
	rate := float64(alarms) / float64(max(flows, 1))
	if flows < 30 || rate > falseAlarms {
		t.Errorf("%d alarms in %d benign flows: %.2f %%", alarms, flows, 100*rate)
	}
	t.Logf("%d alarms in %d benign flows beside: %.2f %%", alarms, flows, 100*rate)
}

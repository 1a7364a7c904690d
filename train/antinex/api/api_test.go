package api

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pcapline/pcapline/train/antinex/api/apitest"
)

func settings(t *testing.T, url string, vars ...string) Settings {
	t.Helper()
	env := map[string]string{"ANTINEX_URL": url, "ANTINEX_USER": apitest.User, "ANTINEX_PASSWORD": apitest.Password}
	for _, v := range vars {
		key, value, _ := strings.Cut(v, "=")
		env[key] = value
	}
	s, err := FromEnv(func(key string) string { return env[key] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t *testing.T, url string) *Client {
	t.Helper()
	c, err := NewClient(settings(t, url).Connection)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func publisher(t *testing.T, url string, opt QueueOptions, vars ...string) *Publisher {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	opt.First, opt.Longest, opt.Poll = time.Millisecond, 20*time.Millisecond, time.Millisecond
	p, err := OpenPublisher(client(t, url), settings(t, url, vars...), opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// table writes a CSV table of rows numbered from 0 in column tcp_sport.
func table(t *testing.T, path string, rows int) string {
	t.Helper()
	text := "idx,eth_type,ip_src,tcp_sport,udp_sport,icmp_gw\n"
	for i := range rows {
		text += fmt.Sprintf("%d,2048,10.0.0.1,%d,,0\n", i, i)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func ports(s *apitest.Server) (ports []string) {
	for _, row := range s.Rows() {
		ports = append(ports, fmt.Sprint(row["tcp_sport"]))
	}
	return ports
}

func numbers(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("%d.0", i))
	}
	return list
}

func add(t *testing.T, p *Publisher, path string, want int64) {
	t.Helper()
	if n, err := p.AddTable(t.Context(), path); err != nil || n != want {
		t.Fatalf("queued %d rows, want %d: %v", n, want, err)
	}
}

func send(t *testing.T, p *Publisher) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Send(ctx); err != nil {
		t.Fatal(err)
	}
}

// Only new rows are sent, however often a table is added.
func TestPublish(t *testing.T) {
	s := apitest.New(t, false)
	p := publisher(t, s.URL, QueueOptions{Batch: 10})
	path := table(t, filepath.Join(t.TempDir(), "x.csv"), 25)
	add(t, p, path, 25)
	add(t, p, path, 0)
	send(t, p)
	table(t, path, 31)
	add(t, p, path, 6)
	send(t, p)
	if got := ports(s); !slices.Equal(got, numbers(0, 31)) {
		t.Errorf("the server has %v", got)
	}
	if len(s.Posts) != 4 || s.Logins != 1 {
		t.Errorf("%d posts, %d log-ins", len(s.Posts), s.Logins)
	}
	if left, _ := p.queue.names(""); len(left) != 0 || p.queue.bytes != 0 {
		t.Errorf("left in the queue: %v, %d bytes", left, p.queue.bytes)
	}
	want := Counts{Queued: 31, Known: 50, Batches: 4, Sent: 31}
	if got := p.Counts(); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestBody compares a request with the documented one, fixed and as the
// original makes it.
func TestBody(t *testing.T) {
	for _, c := range []struct {
		compat bool
		want   map[string]any
	}{
		{false, map[string]any{"idx": json.Number("1.0"), "eth_type": json.Number("2048.0"), "icmp_gw": json.Number("0.0"),
			"udp_sport": json.Number("-1.0"), "tcp_dport": json.Number("-1.0"), "label_value": json.Number("-1.0")}},
		{true, map[string]any{"idx": "-1.0", "eth_type": json.Number("2048.0"), "icmp_gw": json.Number("-1.0"),
			"udp_sport": json.Number("-1.0"), "tcp_dport": "-1.0", "label_value": "-1.0"}},
	} {
		s := apitest.New(t, false)
		set := settings(t, s.URL, "ANTINEX_PUBLISH_REQUEST_FILE=../testdata/predict-rows-scaler-full-django.json", "ANTINEX_METRICS=accuracy, mse",
			"ANTINEX_USE_MODEL_NAME=My-Model", "ANTINEX_SEED=7", "ANTINEX_NUM_SPLITS=2", "ANTINEX_PUBLISH_TO_CORE=false")
		set.Compat = c.compat
		p, err := OpenPublisher(client(t, s.URL), set, QueueOptions{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		add(t, p, table(t, filepath.Join(t.TempDir(), "x.csv"), 2), 2)
		send(t, p)
		body := s.Posts[0]
		for key, want := range map[string]string{
			"label": "My-Model", "ml_type": "classification", "predict_feature": "label_value", "seed": "7", "test_size": "0.2", "batch_size": "32",
			"epochs": "15", "num_splits": "2", "loss": "binary_crossentropy", "optimizer": "adam", "metrics": "[accuracy mse]",
			"publish_to_core": "false", "version": "1", "label_rules": "map[label_values:[-1 0 1] labels:[not_attack not_attack attack]]", // the last is the template's
		} {
			if got := fmt.Sprint(body[key]); got != want {
				t.Errorf("%s is %s, want %s", key, got, want)
			}
		}
		row := s.Rows()[1]
		if len(row) != 68 || row["ip_src"] != nil {
			t.Errorf("a row has %d values: %v", len(row), row)
		}
		for key, want := range c.want {
			if row[key] != want {
				t.Errorf("compat %v: %s is %#v, want %#v", c.compat, key, row[key], want)
			}
		}
	}
}

func TestTokenRunsOut(t *testing.T) {
	s := apitest.New(t, false)
	p := publisher(t, s.URL, QueueOptions{Batch: 1})
	add(t, p, table(t, filepath.Join(t.TempDir(), "x.csv"), 3), 3)
	for i := range 3 {
		names, _ := p.queue.names("")
		if err := p.one(t.Context(), names[0]); err != nil {
			t.Fatal(i, err)
		}
		s.Advance(301 * time.Second)
	}
	if got := ports(s); !slices.Equal(got, numbers(0, 3)) || s.Logins != 3 {
		t.Errorf("%v after %d log-ins", got, s.Logins)
	}
}

// A token that is refused at once is not asked for in a loop.
func TestTokenRefused(t *testing.T) {
	s := apitest.New(t, false)
	s.Lifetime = -time.Second
	p := publisher(t, s.URL, QueueOptions{})
	add(t, p, table(t, filepath.Join(t.TempDir(), "x.csv"), 3), 3)
	var login *LoginError
	if err := p.Send(t.Context()); !errors.As(err, &login) {
		t.Errorf("%v", err)
	}
	if len(s.Requests) != 4 {
		t.Errorf("asked %v", s.Requests)
	}
	if n, _ := p.Waiting(); n != 1 {
		t.Errorf("%d batches wait", n)
	}
}

func TestWrongPassword(t *testing.T) {
	s := apitest.New(t, false)
	c, err := NewClient(Connection{URL: s.URL, User: apitest.User, Password: "wrong-hushhush"})
	if err != nil {
		t.Fatal(err)
	}
	var login *LoginError
	_, err = c.Jobs(t.Context())
	if !errors.As(err, &login) || !strings.Contains(err.Error(), "Unable to log in") || strings.Contains(err.Error(), "hushhush") {
		t.Errorf("%v", err)
	}
	if len(s.Requests) != 1 {
		t.Errorf("asked %v", s.Requests)
	}
}

// TestFaults has a server that fails in all ways; each row comes once.
func TestFaults(t *testing.T) {
	s := apitest.New(t, false)
	s.Fault = func(f *apitest.Fault) {
		if f.Request != "POST /ml/" {
			return
		}
		switch f.Number % 4 {
		case 1:
			f.Status, f.Body = 500, "Traceback (most recent call last): password="+apitest.Password
		case 2:
			f.Cut = true // the server has it
		case 3:
			f.Status, f.Body = 429, "slow down"
		}
	}
	var waits atomic.Int64
	p := publisher(t, s.URL, QueueOptions{Batch: 5, Retry: func(err error, _ time.Duration) {
		waits.Add(1)
		if strings.Contains(err.Error(), apitest.Password) {
			t.Errorf("an error tells the password: %v", err)
		}
	}})
	add(t, p, table(t, filepath.Join(t.TempDir(), "x.csv"), 40), 40)
	send(t, p)
	if got := ports(s); !slices.Equal(got, numbers(0, 40)) {
		t.Errorf("the server has %v", got)
	}
	if c := p.Counts(); c.Found == 0 || c.Rejected != 0 || waits.Load() == 0 {
		t.Errorf("%+v after %d waits", c, waits.Load())
	}
}

func TestRejected(t *testing.T) {
	s := apitest.New(t, false)
	s.Fault = func(f *apitest.Fault) {
		if f.Request == "POST /ml/" && f.Number == 1 {
			f.Status, f.Body = 400, "Missing label"
		}
		if f.Request == "POST /ml/" && f.Number > 2 {
			f.Status = 500
		}
	}
	dir := t.TempDir()
	p := publisher(t, s.URL, QueueOptions{Dir: dir, Batch: 1, Tries: 6})
	path := table(t, filepath.Join(t.TempDir(), "x.csv"), 3)
	add(t, p, path, 3)
	send(t, p)
	if c := p.Counts(); c.Rejected != 2 || c.Sent != 1 {
		t.Errorf("%+v", c)
	}
	why, err := os.ReadFile(filepath.Join(dir, "rejected", "0000000000.error"))
	if err != nil || !strings.Contains(string(why), "400 Bad Request: Missing label") {
		t.Errorf("%s, %v", why, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again := publisher(t, s.URL, QueueOptions{Dir: dir})
	add(t, again, path, 0)
}

func TestReplacedTable(t *testing.T) {
	s := apitest.New(t, false)
	dir := t.TempDir()
	p := publisher(t, s.URL, QueueOptions{Dir: dir, Batch: 10})
	path := table(t, filepath.Join(t.TempDir(), "x.csv"), 20)
	add(t, p, path, 20)
	for _, text := range []string{"tcp_sport\n5\n", "tcp_sport\n" + strings.Repeat("5\n", 30)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := p.AddTable(t.Context(), path); !errors.Is(err, ErrReplaced) {
			t.Errorf("%v", err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, publisher(t, s.URL, QueueOptions{Dir: dir, Again: true}), path, 30)
}

func TestQueueLimitAndLock(t *testing.T) {
	s := apitest.New(t, false)
	dir := t.TempDir()
	p := publisher(t, s.URL, QueueOptions{Dir: dir, Batch: 10, Limit: 30_000})
	path := table(t, filepath.Join(t.TempDir(), "x.csv"), 50)
	n, err := p.AddTable(t.Context(), path)
	if !errors.Is(err, ErrQueueFull) || n == 0 || n == 50 {
		t.Fatalf("queued %d rows: %v", n, err)
	}
	if _, err := OpenPublisher(client(t, s.URL), settings(t, s.URL), QueueOptions{Dir: dir}); err == nil {
		t.Error("two have the queue")
	}
	for range 50 {
		send(t, p)
		if _, err = p.AddTable(t.Context(), path); err == nil {
			break
		}
	}
	send(t, p)
	if got := ports(s); !slices.Equal(got, numbers(0, 50)) {
		t.Errorf("the server has %v", got)
	}
}

func TestResults(t *testing.T) {
	s := apitest.New(t, false)
	s.Fault = func(f *apitest.Fault) { f.Cut = f.Request == "POST /ml/" && f.Number == 2 }
	dir := t.TempDir()
	p := publisher(t, s.URL, QueueOptions{Batch: 2, Results: dir})
	add(t, p, table(t, filepath.Join(t.TempDir(), "x.csv"), 4), 4)
	send(t, p)
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(files) != 2 {
		t.Fatalf("results %v", files)
	}
	for _, f := range files {
		var r Result
		text, _ := os.ReadFile(f)
		if err := json.Unmarshal(text, &r); err != nil || r.Status != "finished" || *r.Accuracy.Accuracy != 99.8 || len(r.Predictions.Rows) != 2 {
			t.Errorf("%s: %v %s", f, err, text)
		}
	}
}

func TestFailedJob(t *testing.T) {
	s := apitest.New(t, false)
	s.Steps = []string{"initial", "error"}
	c := client(t, s.URL)
	started, err := c.Start(t.Context(), map[string]any{"label": "x", "ml_type": "classification", "predict_feature": "y", "dataset": "/x.csv"})
	if err != nil {
		t.Fatal(err)
	}
	var failed *JobError
	if _, err := c.Wait(t.Context(), started, time.Millisecond); !errors.As(err, &failed) {
		t.Errorf("%v", err)
	}
	if strings.Contains(string(started.Job.Raw), "hushhush") {
		t.Errorf("the broker's URL is shown: %s", started.Job.Raw)
	}
	if len(s.Requests) > 6 {
		t.Errorf("asked %v", s.Requests)
	}
}

func TestTLS(t *testing.T) {
	s := apitest.New(t, true)
	conn := settings(t, s.URL).Connection
	c, err := NewClient(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Jobs(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") || passing(err) {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	conn.CA = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(conn.CA, block, 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err = NewClient(conn); err != nil {
		t.Fatal(err)
	}
	if jobs, err := c.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("%v, %v", jobs, err)
	}
}

// A POST is not sent on to where a redirect points.
func TestRedirect(t *testing.T) {
	s := apitest.New(t, false)
	c := client(t, s.URL)
	if _, err := c.login(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	var answer any
	if err := c.call(t.Context(), "POST", "/ml", map[string]any{}, &answer, 201); err == nil || !strings.Contains(err.Error(), "301") {
		t.Errorf("%v", err)
	}
}

func TestSecretFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("hush\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o440: true, 0o644: false, 0o660: false, 0o604: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadSecret(path); (err == nil) != good || good && got != "hush" {
			t.Errorf("%04o: %q, %v", mode, got, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, v := range []string{"ANTINEX_SEED=x", "ANTINEX_TEST_SIZE=NaN", "ANTINEX_CONVERT_DATA_TYPE=text", "ANTINEX_PUBLISH_TO_CORE=perhaps"} {
		name, value, _ := strings.Cut(v, "=")
		if _, err := FromEnv(func(key string) string { return map[string]string{name: value}[key] }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", v, err)
		}
	}
	for _, c := range []Connection{{URL: "http://h", User: "u"}, {URL: "ftp://h", User: "u", Password: "p"}, {URL: "http://u:hushhush@h", User: "u", Password: "p"}} {
		if _, err := NewClient(c); err == nil || strings.Contains(err.Error(), "hushhush") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestKilled kills a process that queues and sends, at moments of all kinds;
// in the end the server has each row once.
func TestKilled(t *testing.T) {
	if url := os.Getenv("PCAPLINE_TEST_URL"); url != "" {
		p := publisher(t, url, QueueOptions{Dir: os.Getenv("PCAPLINE_TEST_QUEUE"), Batch: 3})
		fmt.Println("ready")
		if _, err := p.AddTable(t.Context(), os.Getenv("PCAPLINE_TEST_TABLE")); err != nil {
			t.Fatal(err)
		}
		send(t, p)
		return
	}
	s := apitest.New(t, false)
	s.Fault = func(*apitest.Fault) { time.Sleep(3 * time.Millisecond) }
	dir, path := t.TempDir(), table(t, filepath.Join(t.TempDir(), "x.csv"), 300)
	run := func(after time.Duration) error {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "PCAPLINE_TEST_URL="+s.URL, "PCAPLINE_TEST_QUEUE="+dir, "PCAPLINE_TEST_TABLE="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(out).ReadString('\n')
		if after >= 0 {
			time.Sleep(after)
			_ = cmd.Process.Kill()
		}
		return cmd.Wait()
	}
	kills := 0
	for i := range 12 {
		if run(time.Duration(i*7)*time.Millisecond) != nil {
			kills++
		}
	}
	if err := run(-1); err != nil {
		t.Fatal(err)
	}
	if got := ports(s); !slices.Equal(got, numbers(0, 300)) {
		t.Errorf("after %d kills the server has %d rows: %v", kills, len(got), got)
	}
	if kills < 5 {
		t.Errorf("only %d kills hit", kills)
	}
}

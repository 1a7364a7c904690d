package watch

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const line = `{"id":"1"}` + "\n"

func TestAlertsGoToFiles(t *testing.T) {
	var b strings.Builder
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	for _, where := range []string{"-", path} {
		o, err := ParseOutput(where, &b)
		must(t, err)
		must(t, o.Send([]byte(line)))
		if where != "-" { // as logrotate does
			must(t, os.Rename(path, path+".1"))
		}
		must(t, o.Send([]byte(line)))
		must(t, o.Close())
	}
	if b.String() != line+line || read(t, path) != line || read(t, path+".1") != line {
		t.Errorf("%q, %q, %q", b.String(), read(t, path), read(t, path+".1"))
	}
	for _, wrong := range []string{"ftp://x/y", "syslog://", "http://[::1"} {
		if o, err := ParseOutput(wrong, nil); err == nil {
			t.Errorf("%s: %v", wrong, o)
		}
	}
}

// want is an alert as RFC 5424 frames it.
const want = `<81>1 - - pcapline - alert - {"id":"1"}`

func TestAlertsGoToSyslog(t *testing.T) {
	for _, network := range []string{"udp", "unixgram"} {
		address := "127.0.0.1:0"
		if network == "unixgram" {
			address = filepath.Join(t.TempDir(), "log")
		}
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Skipf("no %s socket: %v", network, err)
		}
		where := "syslog://" + c.LocalAddr().String()
		o, err := ParseOutput(where, nil)
		must(t, err)
		must(t, o.Send([]byte(line)))
		b := make([]byte, 1000)
		must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, _, err := c.ReadFrom(b)
		must(t, err)
		if string(b[:n]) != want {
			t.Errorf("%s: %q", network, b[:n])
		}
		must(t, o.Close())
		must(t, c.Close())
	}
}

func TestSyslogConnectsAnew(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	got := make(chan string, 10)
	go func() { // a server that hangs up after each message
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			text, _ := bufio.NewReader(io.LimitReader(c, int64(len(want)+3))).ReadString(0)
			c.Close()
			got <- text
		}
	}()
	o, err := ParseOutput("syslog+tcp://"+l.Addr().String(), nil)
	must(t, err)
	defer o.Close()
	for range 2 {
		deadline := time.Now().Add(10 * time.Second)
		for sent := false; !sent && time.Now().Before(deadline); { // the first write to a peer that is gone may succeed
			must(t, o.Send([]byte(line)))
			select {
			case text := <-got:
				if text != fmt.Sprintf("%d %s", len(want), want) {
					t.Errorf("%q", text)
				}
				sent = true
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// TestWebhook has a receiver that fails at first, then takes everything.
func TestWebhook(t *testing.T) {
	var mu sync.Mutex
	var bodies []string
	answers := []int{503, 200, 400, 200}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(b))
		if r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("content type %q", r.Header.Get("Content-Type"))
		}
		w.WriteHeader(answers[min(len(bodies), len(answers))-1])
	}))
	defer s.Close()
	o, err := ParseOutput(s.URL, nil)
	must(t, err)
	count := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			mu.Lock()
			there := len(bodies)
			mu.Unlock()
			if there >= n {
				time.Sleep(100 * time.Millisecond) // until the answer has been read
				return
			}
		}
		t.Fatalf("fewer than %d requests", n)
	}
	must(t, o.Send([]byte(line)))
	count(2)                      // the first was refused for now
	must(t, o.Send([]byte(line))) // will be refused for good
	count(3)
	if err := o.Send([]byte(line)); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("the loss is not told: %v", err)
	}
	must(t, o.Close())
	if len(bodies) != 4 || bodies[3] != line {
		t.Errorf("%q", bodies)
	}
}

func TestJournalKnowsWhatWasSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent")
	j, err := openJournal(path, 3)
	must(t, err)
	must(t, j.add("aa"))
	must(t, j.add("bb"))
	_, err = j.f.WriteString("cc") // torn
	must(t, err)
	must(t, j.close())
	j, err = openJournal(path, 3)
	must(t, err)
	if !j.has("aa") || !j.has("bb") || j.has("cc") {
		t.Errorf("%v", j.sent)
	}
	must(t, j.add("dd"))
	must(t, j.close())
	if text := read(t, path); text != "checkpoint-3\naa\nbb\ndd\n" {
		t.Errorf("%q", text)
	}
	j, err = openJournal(path, 4) // the checkpoint was written, the journal was not yet
	must(t, err)
	if j.has("aa") {
		t.Error("an alert of before the checkpoint")
	}
	must(t, j.close())
}

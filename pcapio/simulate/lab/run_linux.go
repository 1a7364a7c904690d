package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Run carries a plan out. It must be called in a process that [Isolate]
// started, since it makes mounts and networks and leaves them to the kernel.
// An attack's tool that cannot be started, or that fails though it should not,
// is an error, and so is a capture that lost packets or reached its bound.
func Run(ctx context.Context, p *Plan, opt Options) (*Result, error) {
	if !Isolated() {
		return nil, errors.New("a lab runs in namespaces of its own only")
	}
	if err := MissingTools(p.Scenario); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.Length+2*time.Minute)
	defer cancel()
	l := &running{plan: p, opt: opt, busy: map[string]*sync.Mutex{}}
	if err := l.build(); err != nil {
		return nil, fmt.Errorf("build the network: %w", err)
	}
	if err := l.serve(ctx); err != nil {
		return nil, err
	}
	captured, err := l.capture(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Plan: p, Truth: Truth{Capture: opt.sensor(p) + "_*.pcapng", Start: time.Now()}}
	err = l.act(ctx, r)
	time.Sleep(settle)
	r.Truth.End = time.Now()
	if cerr := captured.end(r); err == nil {
		err = cerr
	}
	return r, err
}

// running is a lab at work.
type running struct {
	plan *Plan
	opt  Options
	busy map[string]*sync.Mutex // by host: it attacks, or its user is at work
	note sync.Mutex             // one notification at a time
}

func (l *running) notify(e Event) {
	if l.opt.Notify != nil {
		l.note.Lock()
		defer l.note.Unlock()
		l.opt.Notify(e)
	}
}

// build makes the bridge and a namespace for each host.
func (l *running) build() error {
	dns := ""
	if h, ok := l.plan.host("dns"); ok {
		dns = h.Addr.String()
	}
	if err := furnish(dns); err != nil {
		return err
	}
	bits := strconv.Itoa(l.plan.Subnet.Bits())
	probe := l.plan.Subnet.Addr().As4()
	probe[3] = 254
	steps := []string{
		"link set lo up",
		"link add br0 type bridge", "link set br0 up",
		fmt.Sprintf("addr add %d.%d.%d.%d/%s dev br0", probe[0], probe[1], probe[2], probe[3], bits),
	}
	for _, h := range l.plan.Hosts {
		l.busy[h.Name] = new(sync.Mutex)
		steps = append(steps,
			"netns add "+h.Name,
			"link add v-"+h.Name+" type veth peer name eth0 address "+h.MAC+" netns "+h.Name,
			"link set v-"+h.Name+" master br0 up gso_max_segs 1",
			"-n "+h.Name+" addr add "+h.Addr.String()+"/"+bits+" dev eth0",
			"-n "+h.Name+" link set eth0 up gso_max_segs 1", // packets as long as on a wire
			"-n "+h.Name+" link set lo up")
	}
	for _, s := range steps {
		if out, err := exec.Command("ip", strings.Fields(s)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", s, err, bytes.TrimSpace(out))
		}
	}
	return l.writeFiles()
}

// writeFiles writes what servers read, and the attackers' word list.
func (l *running) writeFiles() error {
	files := map[string]string{"passwords": wordList(l.plan.Seed)}
	for _, s := range l.plan.Scenario.Servers {
		for name, text := range s.Files {
			files[name] = text
		}
	}
	for name, text := range files {
		path := filepath.Join(runDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(l.plan.expand([]string{text})[0]), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// inside is a command in a host's namespace, in a process group of its own.
func (l *running) inside(ctx context.Context, host string, command []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", host}, command...)...)
	cmd.Env = append(os.Environ(), "HOME="+runDir, "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// serve starts the servers and waits until each answers.
func (l *running) serve(ctx context.Context) error {
	for _, s := range l.plan.Scenario.Servers {
		for _, command := range s.Prepare {
			if out, err := l.inside(ctx, s.Role, l.plan.expand(command)).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %s: %w: %s", s.Tool.Program, command[0], err, tailOf(out))
			}
		}
		log, err := os.Create(filepath.Join(runDir, s.Tool.Program+".log"))
		if err != nil {
			return err
		}
		cmd := l.inside(ctx, s.Role, l.plan.expand(s.Command))
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("%s: %w", s.Tool.Program, err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if err := l.ready(ctx, s, ended); err != nil {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s: %w: %s", s.Tool.Program, err, tailOf(text))
		}
		l.notify(Event{Kind: "serving", Host: s.Role, Name: s.Tool.Program})
	}
	return nil
}

// ready waits until a server's ports are open.
func (l *running) ready(ctx context.Context, s Server, ended <-chan error) error {
	host, _ := l.plan.host(s.Role)
	for _, port := range s.Ports {
		addr := net.JoinHostPort(host.Addr.String(), strconv.Itoa(port))
		for end := time.Now().Add(time.Minute); ; {
			conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
			if err == nil {
				conn.Close()
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("does not serve within a minute: %w", err)
			}
			select {
			case err := <-ended:
				return fmt.Errorf("ended at once: %w", err)
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// oneSegment is longer than any lab: the capture is one file.
const oneSegment = 2 * time.Hour

// capturing is pcapline capture at work on the bridge.
type capturing struct {
	cmd      *exec.Cmd
	out, log bytes.Buffer
	max      int64
}

// capture starts the capture and waits until its socket is open. The bridge
// loses its address, so that nothing but the hosts' traffic is in it.
func (l *running) capture(ctx context.Context) (*capturing, error) {
	if out, err := exec.Command("ip", "addr", "flush", "dev", "br0").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ip addr flush: %w: %s", err, bytes.TrimSpace(out))
	}
	c := &capturing{max: l.plan.MaxPackets}
	c.cmd = exec.Command(l.opt.Program)
	c.cmd.Args = []string{"pcapline", "--json", "-q", "capture", "-i", "br0", "--promiscuous",
		"-w", filepath.Join(l.opt.Dir, "spool"), "--sensor", l.opt.sensor(l.plan), "-c", strconv.FormatInt(c.max, 10),
		"-b", "duration:" + oneSegment.String(), "-b", "filesize:4GB"}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.log
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile("/proc/net/packet")
		if err != nil {
			return nil, err
		}
		if bytes.Contains(b, []byte(" 0003 ")) {
			return c, nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return nil, fmt.Errorf("the capture does not begin: %s", tailOf(c.log.Bytes()))
		}
	}
}

// end ends the capture and reads its summary.
func (c *capturing) end(r *Result) error {
	_ = c.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("capture: %w: %s", err, tailOf(c.log.Bytes()))
	}
	var s struct {
		Interfaces []struct {
			Dropped uint64 `json:"dropped"`
		} `json:"interfaces"`
		Spool struct {
			Written      int64 `json:"written"`
			DroppedQueue int64 `json:"dropped_queue"`
			DroppedDisk  int64 `json:"dropped_disk"`
		} `json:"spool"`
	}
	if err := json.Unmarshal(c.out.Bytes(), &s); err != nil {
		return fmt.Errorf("capture: its summary: %w", err)
	}
	r.Packets, r.Dropped = s.Spool.Written, s.Spool.DroppedQueue+s.Spool.DroppedDisk
	for _, i := range s.Interfaces {
		r.Dropped += int64(i.Dropped)
	}
	switch {
	case r.Packets >= c.max:
		return fmt.Errorf("the capture was full at %d packets before the lab had ended", r.Packets)
	case r.Dropped > 0:
		return fmt.Errorf("the capture lost %d packets", r.Dropped)
	}
	return nil
}

// act lets users and attackers do what the plan says.
func (l *running) act(ctx context.Context, r *Result) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var users sync.WaitGroup
	var failed sync.Mutex
	for _, h := range l.plan.Hosts {
		errands := slices.DeleteFunc(slices.Clone(l.plan.Errands), func(e Errand) bool { return e.Host != h.Name })
		users.Go(func() {
			for _, e := range errands {
				if !wait(ctx, r.Truth.Start.Add(e.Start)) {
					return
				}
				err := l.errand(ctx, e)
				failed.Lock()
				r.Errands++
				if err != nil {
					r.Failed++
				}
				failed.Unlock()
			}
		})
	}
	err := l.strikes(ctx, r)
	if err == nil {
		wait(ctx, r.Truth.Start.Add(l.plan.Length))
	}
	cancel()
	users.Wait()
	return err
}

func (l *running) strikes(ctx context.Context, r *Result) error {
	for _, s := range l.plan.Strikes {
		if !wait(ctx, r.Truth.Start.Add(s.Start)) {
			return ctx.Err()
		}
		i, err := l.strike(ctx, s)
		if err != nil {
			return fmt.Errorf("attack %s: %w", s.Label, err)
		}
		r.Truth.Attacks = append(r.Truth.Attacks, i)
		l.notify(Event{Kind: "attacked", Host: s.From, Name: s.Label, Took: i.End.Sub(i.Start)})
	}
	return nil
}

// strike runs an attack's tool while the host's user waits.
func (l *running) strike(ctx context.Context, s Strike) (Interval, error) {
	busy := l.busy[s.From]
	busy.Lock()
	defer busy.Unlock()
	limited, cancel := context.WithTimeout(ctx, l.plan.AttackTime)
	defer cancel()
	i := Interval{Strike: s, Start: time.Now()}
	out, err := l.inside(limited, s.From, s.Command).CombinedOutput()
	killed := limited.Err() != nil
	if werr := os.WriteFile(filepath.Join(l.opt.Dir, "logs", s.Label+".log"), out, 0o640); werr != nil {
		return i, werr
	}
	wait(ctx, time.Now().Add(settle))
	i.End = time.Now()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return i, ctx.Err()
	case err == nil, killed:
		return i, nil
	case errors.As(err, &exit) && !s.Attack.Clean && exit.ExitCode() >= 0:
		return i, nil // its way to say that it did not get in
	}
	return i, fmt.Errorf("%s: %w: %s", s.Attack.Tool.Program, err, tailOf(out))
}

// errand does what a user does, once. That it fails is no error: servers under
// attack do not always answer.
func (l *running) errand(ctx context.Context, e Errand) error {
	busy := l.busy[e.Host]
	busy.Lock()
	defer busy.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, errandTime)
	defer cancel()
	return l.inside(ctx, e.Host, e.Command).Run()
}

// wait waits until a moment, and says whether ctx still lives.
func wait(ctx context.Context, until time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Until(until)):
		return true
	}
}

// tailOf is the end of what a program printed, on one line.
func tailOf(b []byte) string {
	const most = 400
	s := strings.Join(strings.Fields(string(b)), " ")
	if len(s) > most {
		s = "… " + s[len(s)-most:]
	}
	return s
}

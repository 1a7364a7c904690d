package lab

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Config says what to draw a plan for.
type Config struct {
	Seed       uint64
	Attacks    []string      // labels; empty: all of the scenario's
	AttackTime time.Duration // after which an attack's tool is killed
	Lead       time.Duration // of users alone, before the first attack and behind the last
	Pause      time.Duration // mean time between two errands of a user
	MaxPackets int64         // at which the capture ends
}

// What stands for a zero in [Config].
const (
	DefaultAttackTime = 10 * time.Second
	DefaultLead       = 5 * time.Second
	DefaultPause      = 500 * time.Millisecond
	DefaultMaxPackets = 500_000
)

func (c Config) withDefaults() Config {
	if c.AttackTime <= 0 {
		c.AttackTime = DefaultAttackTime
	}
	if c.Lead <= 0 {
		c.Lead = DefaultLead
	}
	if c.Pause <= 0 {
		c.Pause = DefaultPause
	}
	if c.MaxPackets <= 0 {
		c.MaxPackets = DefaultMaxPackets
	}
	return c
}

// Host is a network namespace with an address on the bridge.
type Host struct {
	Name string     `json:"name"` // and role: web, dns, user1, …
	Addr netip.Addr `json:"address"`
	MAC  string     `json:"mac"`
}

// Strike is an attack in a plan.
type Strike struct {
	Attack  Attack        `json:"-"`
	Label   string        `json:"label"`
	Start   time.Duration `json:"start_ns"` // since the capture began
	From    string        `json:"from"`     // host
	Command []string      `json:"command"`
}

// Errand is what a user does once.
type Errand struct {
	Start   time.Duration `json:"start_ns"`
	Host    string        `json:"host"`
	Name    string        `json:"name"`
	Command []string      `json:"command"`
}

// Plan is all that is going to happen.
type Plan struct {
	Scenario   Scenario      `json:"-"`
	Name       string        `json:"scenario"`
	Seed       uint64        `json:"seed"`
	Subnet     netip.Prefix  `json:"subnet"`
	Hosts      []Host        `json:"hosts"`
	Strikes    []Strike      `json:"attacks"`
	Errands    []Errand      `json:"errands"`
	Length     time.Duration `json:"length_ns"`
	AttackTime time.Duration `json:"attack_time_ns"`
	MaxPackets int64         `json:"max_packets"`
}

const (
	// drawnNumbers is how many values {n} has.
	drawnNumbers = 10
	// errandTime bounds an errand.
	errandTime = 8 * time.Second
	// settle is how long answers to an attack are waited for.
	settle = 500 * time.Millisecond
	// runDir is {run}, on the file system in memory.
	runDir = "/run/pcapline-lab"
)

// NewPlan draws a plan. Labels that the scenario has no attack for, and times
// that add up to more than an hour, are errors.
func NewPlan(s Scenario, cfg Config) (*Plan, error) {
	cfg = cfg.withDefaults()
	attacks, err := chosen(s, cfg.Attacks)
	if err != nil {
		return nil, err
	}
	s.Attacks = attacks
	p := &Plan{Scenario: s, Name: s.Name, Seed: cfg.Seed, AttackTime: cfg.AttackTime, MaxPackets: cfg.MaxPackets}
	slot := cfg.AttackTime + settle + time.Second
	p.Length = 2*cfg.Lead + time.Duration(len(attacks))*slot
	if p.Length > time.Hour {
		return nil, fmt.Errorf("the lab would take %s; an hour is the most", p.Length)
	}
	r := rand.New(rand.NewPCG(cfg.Seed, 0))
	p.drawHosts(r)
	p.drawStrikes(r, cfg.Lead, slot)
	p.drawErrands(cfg)
	return p, nil
}

// chosen are the attacks with the labels wanted.
func chosen(s Scenario, labels []string) ([]Attack, error) {
	if len(labels) == 0 {
		return slices.Clone(s.Attacks), nil
	}
	var known []string
	var out []Attack
	for _, a := range s.Attacks {
		known = append(known, a.Label)
		if slices.Contains(labels, a.Label) {
			out = append(out, a)
		}
	}
	for _, l := range labels {
		if !slices.Contains(known, l) {
			return nil, fmt.Errorf("no attack %q; there are %s", l, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// drawHosts draws a subnet of its own, and addresses and MACs in it.
func (p *Plan) drawHosts(r *rand.Rand) {
	third := byte(1 + r.IntN(250))
	p.Subnet = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, third, 0}), 24)
	last := r.Perm(200)
	var names []string
	for _, s := range p.Scenario.Servers {
		if !slices.Contains(names, s.Role) {
			names = append(names, s.Role)
		}
	}
	for n := range p.Scenario.Clients {
		names = append(names, "user"+strconv.Itoa(n+1))
	}
	for i, name := range names {
		mac := net.HardwareAddr{2, byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}
		p.Hosts = append(p.Hosts, Host{name, netip.AddrFrom4([4]byte{10, 77, third, byte(10 + last[i])}), mac.String()})
	}
}

// drawStrikes draws order, sources and times of the attacks. Any user's host
// attacks.
func (p *Plan) drawStrikes(r *rand.Rand, lead, slot time.Duration) {
	for i, n := range r.Perm(len(p.Scenario.Attacks)) {
		a := p.Scenario.Attacks[n]
		from := "user" + strconv.Itoa(1+r.IntN(p.Scenario.Clients))
		start := lead + time.Duration(i)*slot + time.Duration(r.Int64N(int64(time.Second)))
		p.Strikes = append(p.Strikes, Strike{
			Attack: a, Label: a.Label, Start: start.Round(time.Millisecond), From: from,
			Command: p.expand(a.Command, "{target}", p.target(a), "{n}", strconv.Itoa(r.IntN(drawnNumbers))),
		})
	}
}

// target is an attack's destination: an address or the subnet.
func (p *Plan) target(a Attack) string {
	if h, ok := p.host(a.Target); ok {
		return h.Addr.String()
	}
	return p.Subnet.String()
}

// drawErrands draws each user's errands, from a generator of the user's own.
func (p *Plan) drawErrands(cfg Config) {
	total := 0
	for _, h := range p.Scenario.Habits {
		total += h.Weight
	}
	for n := range p.Scenario.Clients {
		r := rand.New(rand.NewPCG(cfg.Seed, uint64(n+1)))
		host := "user" + strconv.Itoa(n+1)
		for at := time.Duration(0); total > 0; {
			at += time.Duration(r.ExpFloat64() * float64(cfg.Pause))
			if at > p.Length {
				break
			}
			w := r.IntN(total)
			for _, h := range p.Scenario.Habits {
				if w -= h.Weight; w < 0 {
					p.Errands = append(p.Errands, Errand{at.Round(time.Millisecond), host, h.Name, p.expand(h.Command, "{n}", strconv.Itoa(r.IntN(drawnNumbers)))})
					break
				}
			}
		}
	}
}

func (p *Plan) host(name string) (Host, bool) {
	for _, h := range p.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// expand puts what the plan knows in place of {NAME}.
func (p *Plan) expand(command []string, more ...string) []string {
	pairs := append(more, "{run}", runDir, "{subnet}", p.Subnet.String(), "{seconds}", strconv.Itoa(max(1, int(p.AttackTime/time.Second)-1)))
	for _, h := range p.Hosts {
		pairs = append(pairs, "{"+h.Name+"}", h.Addr.String())
	}
	r := strings.NewReplacer(pairs...)
	out := make([]string, len(command))
	for i, w := range command {
		out[i] = r.Replace(w)
	}
	return out
}

// HostsCSV lists the hosts with their addresses.
func (p *Plan) HostsCSV() []byte {
	var b strings.Builder
	b.WriteString("name,ip,mac\n")
	for _, h := range p.Hosts {
		fmt.Fprintf(&b, "%s,%s,%s\n", h.Name, h.Addr, h.MAC)
	}
	return []byte(b.String())
}

// WriteText writes the plan for people.
func (p *Plan) WriteText(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "scenario %s, seed %d, %s, at most %d packets\n\n", p.Name, p.Seed, p.Length, p.MaxPackets)
	fmt.Fprintf(tw, "host\taddress\tMAC\n")
	for _, h := range p.Hosts {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", h.Name, h.Addr, h.MAC)
	}
	fmt.Fprintf(tw, "\nat\tfrom\tattack\tcommand\n")
	for _, s := range p.Strikes {
		fmt.Fprintf(tw, "%.1f s\t%s\t%s\t%s\n", s.Start.Seconds(), s.From, s.Label, strings.Join(s.Command, " "))
	}
	counts := map[string]int{}
	for _, e := range p.Errands {
		counts[e.Name]++
	}
	fmt.Fprintf(tw, "\nerrand\ttimes\n")
	for _, h := range p.Scenario.Habits {
		fmt.Fprintf(tw, "%s\t%d\n", h.Name, counts[h.Name])
	}
	return tw.Flush()
}

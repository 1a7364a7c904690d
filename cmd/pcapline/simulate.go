package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio/simulate"
)

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:  "simulate",
		Usage: "make traffic to capture: single messages, or a network with servers, users and attacks",
		Description: "The senders and listeners are AntiNex's helpers with their variables and defaults. lab and web make networks\n" +
			"of their own in namespaces, capture what happens there, and write down what was an attack.",
		UsageText: "pcapline simulate listen-udp &\n" +
			"pcapline simulate udp --need-response\n" +
			"pcapline simulate lab --dry-run",
		Subcommands: []*cli.Command{
			simulateTCP(), simulateLargeTCP(), simulateUDP(), simulateARP(), simulateICMP(),
			simulateListenTCP(), simulateListenUDP(),
			simulateLab(),
		},
	}
}

// largeUUIDs is how many identifiers the original's large message carries.
const largeUUIDs = 10000

func simulateTCP() *cli.Command {
	return &cli.Command{
		Name: "tcp", Usage: "send one TCP message",
		UsageText: "pcapline simulate tcp --port 8010 --need-response",
		Flags:     append(addressFlags("127.0.0.1", 80, "", ""), messageFlags()...),
		Action: func(c *cli.Context) error {
			return sendMessage(c, "tcp", "")
		},
	}
}

func simulateLargeTCP() *cli.Command {
	return &cli.Command{
		Name: "tcp-large", Usage: "send one TCP message of many segments",
		Description: "The message is followed by random identifiers of 36 characters.",
		UsageText:   "pcapline simulate tcp-large --port 8010",
		Flags: append(append(addressFlags("127.0.0.1", 80, "", ""), messageFlags()...),
			&cli.IntFlag{Name: "uuids", Value: largeUUIDs, Usage: "append `N` random identifiers"}),
		Action: func(c *cli.Context) error {
			n := c.Int("uuids")
			if n < 0 || n > 1e6 {
				return usagef("--uuids: 0 to 1000000, not %d", n)
			}
			var b strings.Builder
			for range n {
				b.WriteString(uuid.NewString())
			}
			return sendMessage(c, "tcp", b.String())
		},
	}
}

func simulateUDP() *cli.Command {
	return &cli.Command{
		Name: "udp", Usage: "send one UDP datagram",
		UsageText: "pcapline simulate udp --need-response",
		Flags:     append(addressFlags("0.0.0.0", 17000, "UDP_SEND_TO_HOST", "UDP_SEND_TO_PORT"), messageFlags()...),
		Action: func(c *cli.Context) error {
			return sendMessage(c, "udp", "")
		},
	}
}

// addressFlags name a host and port, with the original's variables where it
// has any.
func addressFlags(host string, port int, hostEnv, portEnv string) []cli.Flag {
	h := &cli.StringFlag{Name: "host", Value: host, Usage: "`HOST` name or address"}
	p := &cli.IntFlag{Name: "port", Value: port, Usage: "`PORT`"}
	if hostEnv != "" {
		h.EnvVars, p.EnvVars = []string{hostEnv}, []string{portEnv}
	}
	return []cli.Flag{h, p}
}

func messageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "message", Aliases: []string{"m"}, Usage: "`TEXT` to send (default: one with the time and a random identifier)", EnvVars: []string{"MSG"}},
		&cli.BoolFlag{Name: "need-response", Usage: "wait for the answer and print it", EnvVars: []string{"NEED_RESPONSE"}},
		&cli.StringFlag{Name: "timeout", Value: "10s", Usage: "give up after `TIME`"},
	}
}

func addressOf(c *cli.Context) string {
	return net.JoinHostPort(c.String("host"), strconv.Itoa(c.Int("port")))
}

// timeFlag reads a time with its unit, or a number of seconds as the
// original's variables have it.
func timeFlag(c *cli.Context, name string) (time.Duration, error) {
	s := c.String(name)
	d, err := time.ParseDuration(s)
	if n, numErr := strconv.ParseFloat(s, 64); numErr == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil || d < 0 {
		return 0, usagef("--%s: %q is neither a time such as 500ms nor a number of seconds", name, s)
	}
	return d, nil
}

// sendMessage sends the text of the flags, and more behind it.
func sendMessage(c *cli.Context, network, more string) error {
	timeout, err := timeFlag(c, "timeout")
	if err != nil {
		return err
	}
	text := c.String("message")
	if text == "" {
		text = fmt.Sprintf("message of %s: %s", time.Now().Format(time.DateTime), uuid.NewString())
	}
	m := simulate.Message{Address: addressOf(c), Data: []byte(text + more), Answer: c.Bool("need-response"), Timeout: timeout}
	send := simulate.SendTCP
	if network == "udp" {
		send = simulate.SendUDP
	}
	answer, err := send(c.Context, m)
	if err != nil {
		return err
	}
	sum := map[string]any{"to": m.Address, "bytes": len(m.Data)}
	if m.Answer {
		sum["answer"] = string(answer)
	}
	return summarise(c, sum, func(w io.Writer) {
		fmt.Fprintf(w, "sent %d bytes to %s by %s\n", len(m.Data), m.Address, network)
		if m.Answer {
			fmt.Fprintf(w, "answer of %d bytes: %s\n", len(answer), answer)
		}
	})
}

func simulateARP() *cli.Command {
	return &cli.Command{
		Name: "arp", Usage: "ask who has an address; exit status 1 when nobody answers",
		UsageText: "pcapline simulate arp -i eth0 --dst-ip 192.0.2.1",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "interface", Aliases: []string{"i"}, Value: "enp0s3", Usage: "send on `IFACE`", EnvVars: []string{"ARP_INTERFACE"}},
			&cli.StringFlag{Name: "dst-ip", Usage: "ask for `ADDRESS`", EnvVars: []string{"ARP_DST_IP"}},
			&cli.StringFlag{Name: "dst-mac", Usage: "send to `MAC` (default: to all)", EnvVars: []string{"ARP_DST_MAC"}},
			&cli.StringFlag{Name: "timeout", Value: "2s", Usage: "wait `TIME` for the answer"},
		},
		Action: func(c *cli.Context) error {
			r := simulate.ARPRequest{Interface: c.String("interface")}
			var err error
			if r.Target, err = netip.ParseAddr(c.String("dst-ip")); err != nil {
				return usagef("--dst-ip: %v", err)
			}
			if s := c.String("dst-mac"); s != "" {
				if r.DstMAC, err = net.ParseMAC(s); err != nil {
					return usagef("--dst-mac: %v", err)
				}
			}
			if r.Timeout, err = timeFlag(c, "timeout"); err != nil {
				return err
			}
			mac, err := simulate.SendARP(c.Context, r)
			if err != nil {
				return err
			}
			if mac == nil {
				return fmt.Errorf("%s is down: nobody answered on %s within %s", r.Target, r.Interface, r.Timeout)
			}
			return summarise(c, map[string]string{"address": r.Target.String(), "mac": mac.String()}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is up at %s\n", r.Target, mac)
			})
		},
	}
}

func simulateICMP() *cli.Command {
	return &cli.Command{
		Name: "icmp", Usage: "send ICMP echo requests; exit status 1 when none is answered",
		UsageText: "pcapline simulate icmp --count 1",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dst", Value: "localhost", Usage: "`HOST` name or address", EnvVars: []string{"ICMP_DST"}},
			&cli.IntFlag{Name: "count", Aliases: []string{"c"}, Value: 3, Usage: "send `N` requests", EnvVars: []string{"ICMP_COUNT"}},
			&cli.IntFlag{Name: "size", Aliases: []string{"s"}, Value: 64, Usage: "`BYTES` of data in each", EnvVars: []string{"ICMP_PACKET_SIZE"}},
			&cli.StringFlag{Name: "timeout", Value: "2.0", Usage: "wait `TIME` for each answer", EnvVars: []string{"ICMP_TIMEOUT"}},
			&cli.BoolFlag{Name: "silent", Usage: "print nothing", EnvVars: []string{"ICMP_SILENT"}},
		},
		Action: icmpAction,
	}
}

func icmpAction(c *cli.Context) error {
	timeout, err := timeFlag(c, "timeout")
	if err != nil {
		return err
	}
	p := simulate.Ping{Host: c.String("dst"), Count: c.Int("count"), Size: c.Int("size"), Timeout: timeout, Gap: 100 * time.Millisecond}
	type line struct {
		Seq   int     `json:"seq"`
		From  string  `json:"from,omitempty"`
		RTTms float64 `json:"rtt_ms,omitempty"`
		Lost  bool    `json:"lost"`
	}
	lines, answered := []line{}, 0
	if err := simulate.SendICMP(c.Context, p, func(g simulate.Pong) {
		lines = append(lines, line{g.Seq, g.From, float64(g.RTT) / float64(time.Millisecond), g.Lost})
		if !g.Lost {
			answered++
		}
	}); err != nil {
		return err
	}
	if !c.Bool("silent") {
		if err := summarise(c, lines, func(w io.Writer) {
			for _, l := range lines {
				if l.Lost {
					fmt.Fprintf(w, "request %d: no answer within %s\n", l.Seq, timeout)
				} else {
					fmt.Fprintf(w, "request %d: %s answered after %.3f ms\n", l.Seq, l.From, l.RTTms)
				}
			}
		}); err != nil {
			return err
		}
	}
	if answered == 0 && p.Count > 0 {
		return fmt.Errorf("%s answered none of %d requests", p.Host, p.Count)
	}
	return nil
}

func simulateListenTCP() *cli.Command {
	return &cli.Command{
		Name: "listen-tcp", Usage: "echo the first bytes of each TCP connection",
		Description: listenHelp,
		UsageText:   "pcapline simulate listen-tcp --port 8010",
		Flags:       listenFlags("LISTEN_", 80, tcpStopFile),
		Action:      func(c *cli.Context) error { return listen(c, tcpStopFile, simulate.ListenTCP) },
	}
}

func simulateListenUDP() *cli.Command {
	return &cli.Command{
		Name: "listen-udp", Usage: "echo each UDP datagram",
		Description: listenHelp,
		UsageText:   "pcapline simulate listen-udp",
		Flags:       listenFlags("UDP_LISTEN_", 17000, udpStopFile),
		Action:      func(c *cli.Context) error { return listen(c, udpStopFile, simulate.ListenUDP) },
	}
}

// Where the original's listeners look for their stop files; host and port
// follow.
const (
	tcpStopFile = "/tmp/shutdown-listen-server-"
	udpStopFile = "/tmp/udp-shutdown-listen-server-"
)

const listenHelp = "Ends with status 0 on SIGINT, SIGTERM and when the stop file appears, and does not start while it is there.\n" +
	"LISTEN_BACKLOG needs no flag: the backlog is as long as the system allows."

// listenFlags are the original's variables, which begin with prefix.
func listenFlags(prefix string, port int, stopFile string) []cli.Flag {
	return append(addressFlags("127.0.0.1", port, prefix+"ON_HOST", prefix+"ON_PORT"),
		&cli.IntFlag{Name: "size", Value: 1024, Usage: "read and echo `BYTES` of a message", EnvVars: []string{prefix + "SIZE"}},
		&cli.StringFlag{Name: "sleep", Value: "0.5", Usage: "look for the stop file every `TIME`", EnvVars: []string{prefix + "SLEEP"}},
		&cli.StringFlag{Name: "stop-file", Usage: "end when `FILE` appears (default: " + stopFile + "HOST-PORT)", EnvVars: []string{prefix + "SHUTDOWN_HOOK"}})
}

func listen(c *cli.Context, stopFile string, run func(context.Context, simulate.Listener, func(simulate.Received)) error) error {
	l := simulate.Listener{Address: addressOf(c), Size: c.Int("size"), StopFile: c.String("stop-file")}
	if l.Size < 1 || l.Size > 1<<16 {
		return usagef("--size: 1 to 65536 bytes, not %d", l.Size)
	}
	if l.StopFile == "" {
		l.StopFile = fmt.Sprintf("%s%s-%d", stopFile, c.String("host"), c.Int("port"))
	}
	var err error
	if l.Poll, err = timeFlag(c, "sleep"); err != nil {
		return err
	}
	logger(c).Info("listening", "address", l.Address, "stop_file", l.StopFile)
	w := &errWriter{w: c.App.Writer}
	if err := run(c.Context, l, func(r simulate.Received) {
		if wantsJSON(c.App) {
			_ = json.NewEncoder(w).Encode(map[string]any{"from": r.From, "bytes": len(r.Data), "data": string(r.Data)}) // w keeps the error
			return
		}
		fmt.Fprintf(w, "%s: %d bytes: %q\n", r.From, len(r.Data), r.Data)
	}); err != nil {
		return err
	}
	return w.err
}

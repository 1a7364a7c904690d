package simulate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// Ping is a number of ICMP echo requests to a host (RFC 792).
type Ping struct {
	Host    string
	Count   int           // requests
	Size    int           // bytes of data behind the ICMP header
	Timeout time.Duration // for each answer
	Gap     time.Duration // between an answer and the next request
}

// Pong is what became of one request.
type Pong struct {
	Seq  int // from 0
	From string
	RTT  time.Duration
	Lost bool // no answer in time
}

// SendICMP sends the requests one after the other and calls got with what
// became of each.
func SendICMP(ctx context.Context, p Ping, got func(Pong)) error {
	if p.Size < 0 || p.Size > 65507 {
		return fmt.Errorf("an echo request carries 0 to 65507 bytes, not %d", p.Size)
	}
	addr, err := (&net.Resolver{}).LookupIP(ctx, "ip4", p.Host)
	if err != nil {
		return err
	}
	conn, to, err := pingSocket(addr[0])
	if err != nil {
		return fmt.Errorf("ping %s: %w", p.Host, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	data := bytes.Repeat([]byte("pcapline"), p.Size/8+1)[:p.Size]
	for seq := range p.Count {
		if seq > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(p.Gap):
			}
		}
		pong, err := ping(conn, to, seq, data, p.Timeout)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("ping %s: %w", p.Host, err)
		}
		got(pong)
	}
	return nil
}

// pingSocket opens a raw socket, or the kernel's ping socket, which rewrites
// the id to its own and needs no privilege where the system allows it.
func pingSocket(ip net.IP) (*icmp.PacketConn, net.Addr, error) {
	conn, err := icmp.ListenPacket("ip4:icmp", "")
	if err == nil {
		return conn, &net.IPAddr{IP: ip}, nil
	}
	if !errors.Is(err, os.ErrPermission) {
		return nil, nil, err
	}
	conn, err = icmp.ListenPacket("udp4", "")
	return conn, &net.UDPAddr{IP: ip}, err
}

func ping(conn *icmp.PacketConn, to net.Addr, seq int, data []byte, timeout time.Duration) (Pong, error) {
	id := os.Getpid() & 0xffff
	request := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: seq, Data: data}}
	b, err := request.Marshal(nil)
	if err != nil {
		return Pong{}, err
	}
	start := time.Now()
	if err := conn.SetReadDeadline(start.Add(timeout)); err != nil {
		return Pong{}, err
	}
	if _, err := conn.WriteTo(b, to); err != nil {
		return Pong{}, err
	}
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return Pong{Seq: seq, Lost: true}, nil
		}
		if err != nil {
			return Pong{}, err
		}
		m, err := icmp.ParseMessage(1, buf[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply {
			continue // a raw socket hears all of the host's ICMP
		}
		echo, ok := m.Body.(*icmp.Echo)
		_, raw := to.(*net.IPAddr)
		if ok && echo.Seq == seq && (!raw || echo.ID == id) {
			host, _, err := net.SplitHostPort(from.String())
			if err != nil {
				host = from.String()
			}
			return Pong{Seq: seq, From: host, RTT: time.Since(start)}, nil
		}
	}
}

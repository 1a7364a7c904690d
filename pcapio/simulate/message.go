package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Message is what a sender sends, once.
type Message struct {
	Address string        // host:port
	Data    []byte        // one write; one datagram with UDP
	Answer  bool          // wait for what comes back
	Timeout time.Duration // of connecting, sending and waiting together; 0: 10 s
}

// defaultTimeout bounds what nobody set a time for.
const defaultTimeout = 10 * time.Second

// maxAnswer bounds what is read of an answer: 1 MiB is more than any of the
// listeners sends.
const maxAnswer = 1 << 20

// SendTCP connects, sends the message, closes its half of the connection, and
// returns what came back when that was asked for.
func SendTCP(ctx context.Context, m Message) ([]byte, error) {
	conn, err := m.dial(ctx, "tcp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(m.Data); err != nil {
		return nil, fmt.Errorf("send to %s: %w", m.Address, err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, fmt.Errorf("send to %s: %w", m.Address, err)
	}
	if !m.Answer {
		return nil, nil
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil {
		return answer, fmt.Errorf("answer from %s: %w", m.Address, err)
	}
	return answer, nil
}

// SendUDP sends the message as one datagram, and returns the datagram that
// came back when that was asked for.
func SendUDP(ctx context.Context, m Message) ([]byte, error) {
	conn, err := m.dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(m.Data); err != nil {
		return nil, fmt.Errorf("send to %s: %w", m.Address, err)
	}
	if !m.Answer {
		return nil, nil
	}
	answer := make([]byte, 1<<16)
	n, err := conn.Read(answer)
	if err != nil {
		return nil, fmt.Errorf("answer from %s: %w", m.Address, err)
	}
	return answer[:n], nil
}

// dial connects; the connection ends with ctx, and with the time-out.
func (m *Message) dial(ctx context.Context, network string) (net.Conn, error) {
	timeout := m.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	end := time.Now().Add(timeout)
	conn, err := (&net.Dialer{Deadline: end}).DialContext(ctx, network, m.Address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", m.Address, err)
	}
	if err := conn.SetDeadline(end); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", m.Address, err), conn.Close())
	}
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes whoever waits
	return conn, nil
}

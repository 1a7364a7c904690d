package watch

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"time"
)

// syslog sends alerts as messages of RFC 5424, over UDP (RFC 5426), TCP with
// octet counts (RFC 6587) or a datagram socket. Their facility is security
// (10), their severity alert (1); the message is the alert's JSON.
type syslog struct {
	url     *url.URL
	network string
	address string
	conn    net.Conn
}

const (
	syslogPriority = 10*8 + 1
	syslogTimeout  = 2 * time.Second
)

func newSyslog(u *url.URL) (*syslog, error) {
	s := &syslog{url: u, network: "udp", address: u.Host}
	switch {
	case u.Host == "" && u.Path != "":
		s.network, s.address = "unixgram", u.Path
	case u.Host == "":
		return nil, fmt.Errorf("%s: name a host or a socket", u)
	case u.Scheme == "syslog+tcp":
		s.network = "tcp"
	}
	if s.network != "unixgram" && u.Port() == "" {
		s.address = net.JoinHostPort(u.Hostname(), "514")
	}
	return s, nil
}

// Send connects where there is no connection, and once anew where it fails.
func (s *syslog) Send(line []byte) error {
	msg := fmt.Appendf(nil, "<%d>1 - - pcapline - alert - %s", syslogPriority, bytes.TrimRight(line, "\n"))
	if s.network == "tcp" {
		msg = append(fmt.Appendf(nil, "%d ", len(msg)), msg...)
	}
	var err error
	for range 2 {
		if s.conn == nil {
			if s.conn, err = net.DialTimeout(s.network, s.address, syslogTimeout); err != nil {
				s.conn = nil
				return err
			}
		}
		if err = s.conn.SetWriteDeadline(time.Now().Add(syslogTimeout)); err == nil {
			_, err = s.conn.Write(msg)
		}
		if err == nil {
			return nil
		}
		_ = s.conn.Close() // it is of no use any more
		s.conn = nil
	}
	return err
}

func (s *syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}

func (s *syslog) String() string { return s.url.Redacted() }

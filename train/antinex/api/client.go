package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Client asks a server. It may be used by several goroutines.
type Client struct {
	base *url.URL
	conn Connection
	http *http.Client

	mu    sync.Mutex
	token string
}

// requestTime bounds one request with its answer, and maxAnswer what is read.
const (
	requestTime = 2 * time.Minute
	maxAnswer   = 256 << 20
)

// StatusError is an answer that is none of success.
type StatusError struct {
	Op     string // "POST /ml/"
	Status int
	Text   string // what the server said, shortened
}

func (e *StatusError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: the server answers %d %s: %s", e.Op, e.Status, http.StatusText(e.Status), e.Text), ": ")
}

// LoginError says that the server does not know user or password, or does not
// take the token that it gave.
type LoginError struct {
	User string
	Err  error
}

func (e *LoginError) Error() string { return fmt.Sprintf("log in as %s: %v", e.User, e.Err) }
func (e *LoginError) Unwrap() error { return e.Err }

// NewClient makes a client; nothing is asked yet.
func NewClient(conn Connection) (*Client, error) {
	base, err := conn.check()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if conn.CA != "" {
		pem, err := os.ReadFile(conn.CA)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", conn.CA)
		}
	}
	if conn.Cert != "" || conn.Key != "" {
		pair, err := tls.LoadX509KeyPair(conn.Cert, conn.Key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	c := &Client{base: base, conn: conn}
	c.http = &http.Client{Transport: transport, Timeout: requestTime, CheckRedirect: c.redirect}
	return c, nil
}

// check says what is missing of a connection before anything is sent.
func (c Connection) check() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, errors.New("ANTINEX_URL is no URL such as https://host:8010, without user or password in it")
	}
	if c.User == "" || c.Password == "" {
		return nil, errors.New("no password: set ANTINEX_PASSWORD or name a file that holds it")
	}
	return u, nil
}

// Plain reports whether password and rows go over a network unencrypted.
func (c *Client) Plain() bool {
	host := c.base.Hostname()
	return c.base.Scheme == "http" && host != "localhost" && host != "::1" && !strings.HasPrefix(host, "127.")
}

// redirect lets a GET be sent on to another path of the same server.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if req.Method != http.MethodGet || via[0].Method != http.MethodGet || req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme || len(via) > 4 {
		return http.ErrUseLastResponse
	}
	return nil
}

// call asks and reads the JSON of the answer, which must have the status want.
// A token that has run out is renewed once.
func (c *Client) call(ctx context.Context, method, path string, body, answer any, want int) error {
	token, err := c.login(ctx, "")
	if err != nil {
		return err
	}
	err = c.once(ctx, method, path, token, body, answer, want)
	var status *StatusError
	if !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
		return err
	}
	if token, err = c.login(ctx, token); err != nil {
		return err
	}
	err = c.once(ctx, method, path, token, body, answer, want)
	if errors.As(err, &status) && status.Status == http.StatusUnauthorized {
		return &LoginError{c.conn.User, err}
	}
	return err
}

// login gives the token, a new one if it is still the one that ran out.
func (c *Client) login(ctx context.Context, old string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != old {
		return c.token, nil
	}
	var answer struct {
		Token string `json:"token"`
	}
	ask := map[string]string{"username": c.conn.User, "password": c.conn.Password}
	err := c.once(ctx, http.MethodPost, "/api-token-auth/", "", ask, &answer, http.StatusOK)
	var status *StatusError
	switch {
	case errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests:
		return "", &LoginError{c.conn.User, err}
	case err != nil:
		return "", err
	case answer.Token == "":
		return "", &LoginError{c.conn.User, errors.New("the answer has no token")}
	}
	c.token = answer.Token
	return c.token, nil
}

func (c *Client) once(ctx context.Context, method, path, token string, body, answer any, want int) error {
	op := method + " " + path
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), content)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "JWT "+token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if resp.StatusCode != want {
		return &StatusError{Op: op, Status: resp.StatusCode, Text: c.quote(text)}
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s: the answer is no JSON as expected: %w", op, err)
	}
	return nil
}

// quote shortens what a server said, and takes secrets out that it repeats.
func (c *Client) quote(text []byte) string {
	s := strings.ReplaceAll(string(bytes.TrimSpace(text)), c.conn.Password, "…")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, s)
	const most = 300
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

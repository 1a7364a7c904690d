package watch

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// Output is where alerts go.
type Output interface {
	// Send takes an alert, one line of JSON with its end. An error says that
	// it is lost.
	Send(line []byte) error
	Close() error
	String() string
}

// ParseOutput opens an output by what an operator calls it: "-" for stdout; a
// file, which is appended to and may be moved away at any time; a URL
// syslog://HOST:514, syslog+tcp://HOST:514 or syslog:///dev/log; a URL http:// or
// https://, which alerts are posted to.
func ParseOutput(text string, stdout io.Writer) (Output, error) {
	if text == "-" {
		return writer{stdout}, nil
	}
	if !strings.Contains(text, "://") {
		return appender(text), nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "syslog", "syslog+tcp":
		return newSyslog(u)
	case "http", "https":
		return newWebhook(u), nil
	}
	return nil, fmt.Errorf("%s: alerts go to -, a file, syslog://, syslog+tcp://, http:// or https://", text)
}

type writer struct{ io.Writer }

func (w writer) Send(line []byte) error {
	_, err := w.Write(line)
	return err
}
func (w writer) Close() error   { return nil }
func (w writer) String() string { return "-" }

// appender opens its file for each alert: there are few, and so nobody has to
// tell it when the file was moved away.
type appender string

func (a appender) Send(line []byte) error {
	f, err := os.OpenFile(string(a), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(line) // one call: whole or not at all, also beside other writers
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
func (a appender) Close() error   { return nil }
func (a appender) String() string { return string(a) }

package antinex

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readAll reads an archive to its end.
func readAll(text string) (list []*Message, err error) {
	a := ReadArchive(strings.NewReader(text))
	for {
		m, err := a.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, m)
	}
}

func TestReadArchive(t *testing.T) {
	const message = `{"created":"c","data":{"ether":{"type":2048}},"source":"s"}`
	for _, c := range []struct {
		name, text string
		messages   int
		err        string // "" for none
	}{
		{"nothing", "", 0, ""},
		{"an archive", `{"created":"x","dataset":"d","num_packets":2,"packets":[` + message + "," + message + `]}`, 2, ""},
		{"keys behind the packets", `{"packets":[` + message + `],"dataset":"d"}`, 1, ""},
		{"two archives", `{"packets":[` + message + `]} {"packets":[` + message + `]}`, 2, ""},
		{"messages on lines", message + "\n" + message + "\n", 2, ""},
		{"no packets", `{"packets":[]}`, 0, ""},
		{"cut in a packet", `{"packets":[` + message + `,{"data":{"ip`, 1, "unexpected EOF"},
		{"cut behind a packet", `{"packets":[` + message, 1, "unexpected EOF"},
		{"cut before a packet", `{"packets":[` + message + `,`, 1, "unexpected EOF"},
		{"no JSON", `{"packets":[` + message + `,{data}]}`, 1, "invalid character"},
		{"neither", `{"x":1}`, 0, `an object without "packets" or "data"`},
		{"a list", `[]`, 0, "where an archive or a message begins"},
		{"packets that are none", `{"packets":7}`, 0, `"packets" is not a list`},
		{"a packet that is none", `{"packets":[7]}`, 0, `a packet without "data"`},
		{"a layer that is none", `{"packets":[{"data":{"ip":7}}]}`, 0, `layer "ip" is not an object`},
		{"too deep", `{"packets":[{"data":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `}]}`, 0, "in each other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := readAll(c.text)
			if len(list) != c.messages {
				t.Errorf("%d messages, want %d", len(list), c.messages)
			}
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "message ")):
				t.Errorf("error %v, want %q and the message's number", err, c.err)
			}
		})
	}
}

// TestReadValues: what is read of values, and that the last of two keys counts.
func TestReadValues(t *testing.T) {
	list, err := readAll(`{"data":{"ip":{"a":1,"b":1.5,"c":true,"d":null,"e":"x","f":[1,"y"],"g":{"h":2},"a":9007199254740993,"big":18446744073709551616}}}`)
	if err != nil {
		t.Fatal(err)
	}
	got := string((&Value{Kind: Map, Fields: list[0].Layers[0].Fields}).appendRepr(nil))
	want := `{'a': 9007199254740993, 'b': 1.5, 'big': 1.8446744073709552e+19, 'c': True, 'd': None, 'e': 'x', 'f': [1, 'y'], 'g': {'h': 2}}`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestShippedArchives: the original's archives give its tables, byte for byte,
// and are themselves written as they were.
func TestShippedArchives(t *testing.T) {
	for name, table := range map[string]string{
		"django/packets-netdata-2018-01-28-23-06-05.json":         "django/netdata-2018-01-28-23-06-05.csv",
		"flask-restplus/packets-netdata-2018-01-29-11-30-02.json": "flask-restplus/netdata-2018-01-29-11-30-02.csv",
	} {
		t.Run(table, func(t *testing.T) {
			path := needShared(t, filepath.Join("antinex/raw", name))
			dir := t.TempDir()
			cfg := Config{CSV: filepath.Join(dir, "a.csv"), Archive: filepath.Join(dir, "a.json")}
			r := newRecorder(t, cfg)
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			a := ReadArchive(f)
			for {
				m, err := a.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if reason, err := r.Message(m); err != nil || reason != "" {
					t.Fatal(reason, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			sameFile(t, cfg.CSV, filepath.Join(filepath.Dir(filepath.Dir(path)), table))
			sameFile(t, cfg.Archive, path)
		})
	}
}

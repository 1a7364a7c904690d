package antinex

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Archive reads the messages of a JSON archive one by one: an object with a
// list "packets", as the original's processor writes it, or messages one
// behind another, as its capture tools send them. A message at a time is in
// memory.
type Archive struct {
	Dataset string // the archive's name for its data; known after the last message at the latest

	dec   *json.Decoder
	state archiveState
	n     int // messages read
}

type archiveState uint8

const (
	outside   archiveState = iota // between top-level objects
	inArchive                     // between an archive's keys
	inPackets                     // in the list of packets
)

// ReadArchive begins to read an archive.
func ReadArchive(r io.Reader) *Archive {
	dec := json.NewDecoder(bufio.NewReaderSize(r, 64<<10))
	dec.UseNumber()
	return &Archive{dec: dec}
}

// Next returns the next message, or io.EOF. Another error names the message
// and the byte offset at which the archive stops making sense.
func (a *Archive) Next() (*Message, error) {
	m, err := a.next()
	switch {
	case err == io.EOF && a.state == outside:
		return nil, io.EOF
	case err != nil:
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("message %d, before byte %d: %w", a.n+1, a.dec.InputOffset(), err)
	}
	a.n++
	return m, nil
}

func (a *Archive) next() (*Message, error) {
	for {
		switch a.state {
		case inPackets:
			if a.dec.More() {
				return a.message()
			}
			if _, err := a.dec.Token(); err != nil { // the list's end
				return nil, err
			}
			a.state = inArchive
		case inArchive:
			if err := a.archiveKey(); err != nil {
				return nil, err
			}
		default:
			m, err := a.object()
			if m != nil || err != nil {
				return m, err
			}
		}
	}
}

// object begins a top-level object; it is an archive unless it has the keys
// of a message.
func (a *Archive) object() (*Message, error) {
	t, err := a.dec.Token()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, fmt.Errorf("%v where an archive or a message begins", t)
	}
	m, isMessage := &Message{}, false
	for a.dec.More() {
		key, err := a.dec.Token()
		if err != nil {
			return nil, err
		}
		if key == "packets" {
			return nil, a.packets()
		}
		v, err := readValue(a.dec, 0)
		if err != nil {
			return nil, err
		}
		a.note(key, &v)
		is, err := m.take(fmt.Sprint(key), &v)
		if err != nil {
			return nil, err
		}
		isMessage = isMessage || is
	}
	if _, err := a.dec.Token(); err != nil {
		return nil, err
	}
	if !isMessage {
		return nil, errors.New(`an object without "packets" or "data"`)
	}
	return m, nil
}

func (a *Archive) note(key any, v *Value) {
	if key == "dataset" && v.Kind == Text {
		a.Dataset = v.Text
	}
}

func (a *Archive) packets() error {
	t, err := a.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('[') {
		return fmt.Errorf(`"packets" is not a list`)
	}
	a.state = inPackets
	return nil
}

// archiveKey reads what is behind the packets.
func (a *Archive) archiveKey() error {
	t, err := a.dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('}'):
		a.state = outside
		return nil
	case "packets":
		return a.packets()
	}
	v, err := readValue(a.dec, 0)
	a.note(t, &v)
	return err
}

// message reads an element of the list.
func (a *Archive) message() (*Message, error) {
	v, err := readValue(a.dec, 0)
	if err != nil {
		return nil, err
	}
	m, isMessage := &Message{}, false
	for i := range v.Fields {
		is, err := m.take(v.Fields[i].Name, &v.Fields[i].Value)
		if err != nil {
			return nil, err
		}
		isMessage = isMessage || is
	}
	if !isMessage {
		return nil, errors.New(`a packet without "data"`)
	}
	return m, nil
}

// take puts a key of a message in its place and reports whether it is what
// makes a message.
func (m *Message) take(key string, v *Value) (isMessage bool, err error) {
	switch key {
	case "created":
		m.Created = v.Text
	case "source":
		m.Source = v.Text
	case "id":
		m.ID = v.Text
	case "received":
		m.Received = v.Text
	case "data":
		for i := range v.Fields {
			f := &v.Fields[i]
			if f.Value.Kind != Map {
				return false, fmt.Errorf("layer %q is not an object", f.Name)
			}
			m.Layers = append(m.Layers, Layer{f.Name, f.Value.Fields})
		}
		return v.Kind == Map, nil
	}
	return false, nil
}

// maxDepth bounds how deep lists and objects may lie in each other.
const maxDepth = 32

// readValue reads a value. Of a key that comes twice the last counts.
func readValue(dec *json.Decoder, depth int) (Value, error) {
	t, err := dec.Token()
	if err != nil {
		return Value{}, err
	}
	if depth > maxDepth {
		return Value{}, fmt.Errorf("more than %d values in each other", maxDepth)
	}
	switch t := t.(type) {
	case nil:
		return Value{}, nil
	case bool:
		v := Value{Kind: Bool}
		if t {
			v.Int = 1
		}
		return v, nil
	case string:
		return textValue(t), nil
	case json.Number:
		return readNumber(string(t))
	}
	v := Value{Kind: List}
	if t == json.Delim('{') {
		v.Kind = Map
	}
	for dec.More() {
		var name string
		if v.Kind == Map {
			key, err := dec.Token()
			if err != nil {
				return Value{}, err
			}
			name, _ = key.(string)
		}
		item, err := readValue(dec, depth+1)
		if err != nil {
			return Value{}, err
		}
		if v.Kind == Map {
			v.Fields = set(v.Fields, name, item)
		} else {
			v.List = append(v.List, item)
		}
	}
	_, err = dec.Token()
	return v, err
}

func readNumber(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return intValue(n), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return Value{Kind: Float, Float: f}, err
}

// ParseJSON reads one value; nothing but blanks may follow it.
func ParseJSON(data []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("more behind the end")
		}
	}
	if err != nil {
		return Value{}, fmt.Errorf("before byte %d: %w", dec.InputOffset(), err)
	}
	return v, nil
}

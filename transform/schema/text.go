package schema

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// AppendText writes value i as CSV and the other text formats show it:
// numbers in decimal, true and false, times in RFC 3339 with microseconds and
// Z, addresses in their usual notation, bytes in lower-case hexadecimal.
func (c *Values[T]) AppendText(dst []byte, i int) []byte { return appendValue(dst, c.V[i]) }

// AppendText writes list i with its elements joined by semicolons.
func (c *List[T]) AppendText(dst []byte, i int) []byte {
	for j, v := range c.V[c.offsets[i]:c.offsets[i+1]] {
		if j > 0 {
			dst = append(dst, ';')
		}
		dst = appendValue(dst, v)
	}
	return dst
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

func appendValue[T Value](dst []byte, v T) []byte {
	switch v := any(v).(type) {
	case bool:
		return strconv.AppendBool(dst, v)
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10)
	case uint16:
		return strconv.AppendUint(dst, uint64(v), 10)
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	case Micros:
		return v.AppendTo(dst)
	case IPv4:
		return netip.AddrFrom4(v).AppendTo(dst)
	case IPv6:
		return netip.AddrFrom16(v).AppendTo(dst)
	case MAC:
		return v.AppendTo(dst)
	case netip.Addr:
		return v.AppendTo(dst)
	case Text:
		return append(dst, v...)
	case Bytes:
		return hex.AppendEncode(dst, v)
	}
	return dst
}

// AppendTo appends the time as 2018-01-29T13:36:35.000001Z. It does what
// time.Time.AppendFormat does, in a fifth of the time.
func (m Micros) AppendTo(dst []byte) []byte {
	if m < minMicros || m > maxMicros { // years of other than four digits
		return time.UnixMicro(int64(m)).UTC().AppendFormat(dst, timeLayout)
	}
	us := uint64(m - minMicros) // since 0000-03-01
	day, us := us/86_400_000_000, us%86_400_000_000
	// Days to a date, for years that begin in March so that leap days are at
	// their ends. After H. Hinnant, "chrono-compatible low-level date
	// algorithms", civil_from_days.
	era, doe := day/146097, day%146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month, dom := era*400+yoe, mp+3, doy-(153*mp+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	sec, us := us/1_000_000, us%1_000_000
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), month)
	dst = appendTwo(append(dst, '-'), dom)
	dst = appendTwo(append(dst, 'T'), sec/3600)
	dst = appendTwo(append(dst, ':'), sec/60%60)
	dst = appendTwo(append(dst, ':'), sec%60)
	dst = appendTwo(append(dst, '.'), us/10_000)
	dst = appendTwo(dst, us/100%100)
	return append(appendTwo(dst, us%100), 'Z')
}

// The times that AppendTo writes itself: from 0000-03-01 to the end of 9999.
const (
	minMicros Micros = -62162035200000000
	maxMicros Micros = 253402300799999999
)

func appendTwo(dst []byte, n uint64) []byte {
	return append(dst, '0'+byte(n/10), '0'+byte(n%10))
}

// AppendTo appends the address as 02:1a:11:b7:d0:01.
func (m MAC) AppendTo(dst []byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range m {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

// ParseText appends the value that AppendText wrote.
func (c *Values[T]) ParseText(text []byte) error {
	v, err := Parse[T](text)
	if err != nil {
		return fmt.Errorf("column %s: %w", c.field.Name, err)
	}
	c.V = append(c.V, v)
	return nil
}

// ParseText appends the list that AppendText wrote. A text that is empty is
// the empty list, so a list of one empty text does not survive.
func (c *List[T]) ParseText(text []byte) error {
	n := len(c.V)
	for more := len(text) > 0; more; {
		var element []byte
		element, text, more = bytes.Cut(text, []byte{';'})
		if err := c.Values.ParseText(element); err != nil {
			c.V = c.V[:n] // not half a list
			return err
		}
	}
	c.close()
	return nil
}

// Parse returns the value that text stands for, as AppendText writes it.
func Parse[T Value](text []byte) (T, error) {
	var v T
	var err error
	s := string(text)
	switch p := any(&v).(type) {
	case *bool:
		*p, err = strconv.ParseBool(s)
	case *uint8:
		*p, err = parseUint[uint8](s, 8)
	case *uint16:
		*p, err = parseUint[uint16](s, 16)
	case *uint32:
		*p, err = parseUint[uint32](s, 32)
	case *int64:
		*p, err = strconv.ParseInt(s, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(s, 64)
	case *Micros:
		var t time.Time
		t, err = time.Parse(time.RFC3339Nano, s)
		*p = Micros(t.UnixMicro())
	case *IPv4:
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil && a.Is4() {
			*p = a.As4()
		} else if err == nil {
			err = fmt.Errorf("%q is not an IPv4 address", s)
		}
	case *IPv6:
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil {
			*p = a.As16()
		}
	case *MAC:
		err = p.parse(text)
	case *netip.Addr:
		if s != "" { // the zero address, which has no notation
			*p, err = netip.ParseAddr(s)
		}
	case *Text:
		*p = Text(s)
	case *Bytes:
		*p, err = hex.DecodeString(s)
	}
	return v, err
}

func parseUint[T uint8 | uint16 | uint32](s string, bits int) (T, error) {
	n, err := strconv.ParseUint(s, 10, bits)
	return T(n), err
}

func (m *MAC) parse(text []byte) error {
	if len(text) != 17 {
		return fmt.Errorf("%q is not a MAC address", text)
	}
	for i := range m {
		if i > 0 && text[3*i-1] != ':' && text[3*i-1] != '-' {
			return fmt.Errorf("%q is not a MAC address", text)
		}
		if _, err := hex.Decode(m[i:i+1], text[3*i:3*i+2]); err != nil {
			return fmt.Errorf("%q is not a MAC address", text)
		}
	}
	return nil
}

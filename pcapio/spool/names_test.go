package spool

import (
	"strings"
	"testing"
	"time"
)

func TestParseName(t *testing.T) {
	for name, ok := range map[string]bool{
		"lab_eth0_1700000000000000000_0000000001.pcapng":       true,
		".lab_eth0_1700000000000000000_0000000001.pcapng.part": true,
		"lab_br_lan_0_0000000001.pcapng":                       true,
		"lab_eth0_1_12345678901.pcapng":                        true, // more than ten digits
		"lab_eth0_1700000000000000000_0000000001.pcapng.part":  false,
		".lab_eth0_1700000000000000000_0000000001.pcapng":      false,
		"lab_eth0_1700000000000000000_1.pcapng":                false,
		"lab_eth0_-1_0000000001.pcapng":                        false,
		"lab_eth0_+1_0000000001.pcapng":                        false,
		"lab_eth0_1_0000000000.pcapng":                         false,
		"lab_1_0000000001.pcapng":                              false,
		"lab_eth0_1_0000000001.pcap":                           false,
		"x.pcapng":                                             false,
	} {
		s, got := ParseName(name)
		if got != ok {
			t.Errorf("ParseName(%q) = %+v, %v", name, s, got)
		}
		if ok && s.Part != strings.HasPrefix(name, ".") {
			t.Errorf("%q: Part %v", name, s.Part)
		}
	}
}

func TestParseRotation(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Rotation
	}{
		{"duration:60", Rotation{Duration: time.Minute}},
		{"duration:1.5", Rotation{Duration: 1500 * time.Millisecond}},
		{"duration:2h", Rotation{Duration: 2 * time.Hour}},
		{"interval:3600", Rotation{Interval: time.Hour}},
		{"filesize:100", Rotation{Bytes: 100_000}}, // dumpcap's kB
		{"filesize:100MB", Rotation{Bytes: 100_000_000}},
		{"filesize:1.5GiB", Rotation{Bytes: 3 << 29}},
		{"filesize:64k", Rotation{Bytes: 64_000}},
		{"filesize:10 B", Rotation{Bytes: 10}},
		{"packets:7", Rotation{Packets: 7}},
		{"files:48", Rotation{Files: 48}},
	} {
		got, err := ParseRotation(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v; want %+v", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "60", "duration:", "duration:0", "duration:-1", "duration:NaN", "duration:1e300", "filesize:0",
		"filesize:-1MB", "filesize:x", "filesize:0.1B", "filesize:1e300", "packets:1.5", "packets:0", "printname:x"} {
		if r, err := ParseRotation(bad); err == nil {
			t.Errorf("%q was taken for %+v", bad, r)
		}
	}
	both, err := ParseRotation("duration:60", "filesize:100MB")
	if err != nil || both != DefaultRotation {
		t.Errorf("%+v, %v", both, err)
	}
}

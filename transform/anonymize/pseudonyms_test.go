package anonymize

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// sampleKey is the key of the sample trace that came with the authors' implementation.
const sampleKey = "1522178d33a4cf80130a5b1649907d10d8988f8379796527" + "62574c2d2a842202"

func testOptions(t testing.TB) *Options {
	t.Helper()
	k, err := ParseKey(sampleKey)
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Key: k}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	return o
}

// The addresses of sample_trace_raw.dat and sample_trace_sanitized.dat of the
// authors' distribution, and IPv6 addresses as Yawning Angel's cryptopan for
// Go tests them.
const publishedVectors = `
128.11.68.132 135.242.180.132
129.118.74.4 134.136.186.123
130.132.252.244 133.68.164.234
141.223.7.43 141.167.8.160
141.233.145.108 141.129.237.235
152.163.225.39 151.140.114.167
156.29.3.236 147.225.12.42
165.247.96.84 162.9.99.234
166.107.77.190 160.132.178.185
192.102.249.13 252.138.62.131
192.215.32.125 252.43.47.189
192.233.80.103 252.25.108.8
192.41.57.43 252.222.221.184
193.150.244.223 253.169.52.216
195.205.63.100 255.186.223.5
198.200.171.101 249.199.68.213
198.26.132.101 249.36.123.202
198.36.213.5 249.7.21.132
198.51.77.238 249.18.186.254
199.217.79.101 248.38.184.213
202.49.198.20 245.206.7.234
203.12.160.252 244.248.163.4
204.184.162.189 243.192.77.90
204.202.136.230 243.178.4.198
204.29.20.4 243.33.20.123
205.178.38.67 242.108.198.51
205.188.147.153 242.96.16.101
205.188.248.25 242.96.88.27
205.245.121.43 242.21.121.163
207.105.49.5 241.118.205.138
207.135.65.238 241.202.129.222
207.155.9.214 241.220.250.22
207.188.7.45 241.255.249.220
207.25.71.27 241.33.119.156
207.33.151.131 241.1.233.131
208.147.89.59 227.237.98.191
208.234.120.210 227.154.67.17
208.28.185.184 227.39.94.90
208.52.56.122 227.8.63.165
209.12.231.7 226.243.167.8
209.238.72.3 226.6.119.243
209.246.74.109 226.22.124.76
209.68.60.238 226.184.220.233
209.85.249.6 226.170.70.6
212.120.124.31 228.135.163.231
212.146.8.236 228.19.4.234
212.186.227.154 228.59.98.98
212.204.172.118 228.71.195.169
212.206.130.201 228.69.242.193
216.148.237.145 235.84.194.111
216.157.30.252 235.89.31.26
216.184.159.48 235.96.225.78
216.227.10.221 235.28.253.36
216.254.18.172 235.7.16.162
216.32.132.250 235.192.139.38
216.35.217.178 235.195.157.81
24.0.250.221 100.15.198.226
24.13.62.231 100.2.192.247
24.14.213.138 100.1.42.141
24.5.0.80 100.9.15.210
24.7.198.88 100.10.6.25
24.94.26.44 100.88.228.35
38.15.67.68 64.3.66.187
4.3.88.225 124.60.155.63
63.14.55.111 95.9.215.7
63.195.241.44 95.179.238.44
63.97.7.140 95.97.9.123
64.14.118.196 0.255.183.58
64.34.154.117 0.221.154.117
64.39.15.238 0.219.7.41
10.185.25.118 117.161.29.118
::1 78ff:f001:9fc0:20df:8380:b1f1:704:ed
::2 78ff:f001:9fc0:20df:8380:b1f1:704:ef
::ffff 78ff:f001:9fc0:20df:8380:b1f1:704:f838
2001:db8::1 4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e
2001:db8::2 4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c
`

func TestCryptoPAnAsPublished(t *testing.T) {
	o := testOptions(t)
	o.Plain = true
	p := NewPseudonyms(o)
	for line := range strings.Lines(strings.TrimSpace(publishedVectors)) {
		in, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		for range 2 { // the second time from the cache
			if got := p.Addr(netip.MustParseAddr(in)); got != netip.MustParseAddr(want) {
				t.Errorf("%s becomes %s, published is %s", in, got, want)
			}
		}
	}
}

// randomAddr draws addresses that are often near each other and near special ranges.
func randomAddr(rng *rand.Rand, near []netip.Addr, width int) (a [16]byte) {
	if len(near) > 0 && rng.IntN(4) > 0 {
		b := near[rng.IntN(len(near))]
		copy(a[:], b.AsSlice())
		for bit := rng.IntN(width + 1); bit < width; bit++ {
			if rng.IntN(2) == 0 {
				a[bit/8] ^= 0x80 >> (bit % 8)
			}
		}
		return a
	}
	for i := range width / 8 {
		a[i] = byte(rng.Uint32())
	}
	return a
}

// TestPrefixesArePreserved: two addresses share as many leading bits as their
// pseudonyms, whether special ranges are minded or not.
func TestPrefixesArePreserved(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, plain := range []bool{false, true} {
		o := testOptions(t)
		o.Plain = plain
		p := NewPseudonyms(o)
		var near4, near6 []netip.Addr
		for _, s := range []string{"0.0.0.0", "10.0.0.1", "127.0.0.1", "126.1.2.3", "169.254.7.7", "169.253.1.1", "192.168.0.1", "224.0.0.251", "223.255.255.255", "240.1.1.1", "255.255.255.255"} {
			near4 = append(near4, netip.MustParseAddr(s))
		}
		for _, s := range []string{"::", "::1", "::2", "::ffff:10.1.2.3", "fe80::1", "fe80:1::1", "fec0::1", "fd00::1", "2001:db8::1", "ff02::1", "ff02::1:ff12:3456", "ff3e:40:2001:db8::1", "ff7e:140:2001:db8::9", "ff02::1:fe12:3456"} {
			near6 = append(near6, netip.MustParseAddr(s))
		}
		for range 40_000 {
			a, b := randomAddr(rng, near4, 32), randomAddr(rng, near4, 32)
			x, y := p.IPv4([4]byte(a[:4])), p.IPv4([4]byte(b[:4]))
			var wx, wy [16]byte
			copy(wx[:], x[:])
			copy(wy[:], y[:])
			if commonBits(&a, &b) != commonBits(&wx, &wy) {
				t.Fatalf("plain %t: %v and %v share %d bits, their pseudonyms %v and %v %d", plain, a[:4], b[:4], commonBits(&a, &b), x, y, commonBits(&wx, &wy))
			}
		}
		for range 20_000 {
			a, b := randomAddr(rng, near6, 128), randomAddr(rng, near6, 128)
			x, y := p.IPv6(a), p.IPv6(b)
			if commonBits(&a, &b) != commonBits(&x, &y) {
				t.Fatalf("plain %t: %s and %s share %d bits, their pseudonyms %s and %s %d", plain, netip.AddrFrom16(a), netip.AddrFrom16(b),
					commonBits(&a, &b), netip.AddrFrom16(x), netip.AddrFrom16(y), commonBits(&x, &y))
			}
		}
	}
}

// TestSpecialAddresses: what is special stays so, and nothing else becomes it.
func TestSpecialAddresses(t *testing.T) {
	p := NewPseudonyms(testOptions(t))
	for _, s := range []string{
		"0.0.0.0", "127.0.0.1", "127.1.2.3", "224.0.0.251", "239.255.255.250", "255.255.255.255",
		"::", "::1", "ff02::1", "ff02::fb", "ff05::1:3", "::ffff:127.0.0.1",
	} {
		if a := netip.MustParseAddr(s); p.Addr(a) != a {
			t.Errorf("%s becomes %s", s, p.Addr(a))
		}
	}
	for s, within := range map[string]string{
		"169.254.17.3": "169.254.0.0/16", "fe80::21a:11ff:feb7:d001": "fe80::/64", "fe80:1::1": "fe80::/10",
		"ff02::1:ffb7:d001": "ff02::1:ff00:0/104", "ff3e:0040:2001:db8:1:1:0:1": "ff3e:40::/32",
		"2001:db8::1": "2000::/3", "fd12:3456::1": "fc00::/7", "::ffff:192.0.2.1": "::ffff:0:0/96",
	} {
		a, prefix := netip.MustParseAddr(s), netip.MustParsePrefix(within)
		if got := p.Addr(a); got == a || !prefix.Contains(got) {
			t.Errorf("%s becomes %s, which is not another of %s", s, got, within)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		a := randomAddr(rng, nil, 32)
		got, in := netip.AddrFrom4(p.IPv4([4]byte(a[:4]))), netip.AddrFrom4([4]byte(a[:4]))
		if got.IsMulticast() != in.IsMulticast() || got.IsLoopback() != in.IsLoopback() || got.IsLinkLocalUnicast() != in.IsLinkLocalUnicast() {
			t.Fatalf("%s becomes %s", in, got)
		}
	}
	if a, m := netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("192.0.2.1"); p.Addr(a).Unmap() != p.Addr(m) {
		t.Errorf("%s becomes %s, but %s %s", a, p.Addr(a), m, p.Addr(m))
	}
	group := p.Addr(netip.MustParseAddr("ff02::1:ffb7:d001")).As16()
	if mac := p.MAC([6]byte{0x33, 0x33, 0xff, 0xb7, 0xd0, 0x01}); [4]byte(mac[2:]) != [4]byte(group[12:]) {
		t.Errorf("the group %x goes to the Ethernet group %x", group, mac)
	}
}

// TestMACs: pseudonyms are a permutation that keeps two bits, or the OUI.
func TestMACs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, keepOUI := range []bool{false, true} {
		o := testOptions(t)
		o.KeepOUI = keepOUI
		p := NewPseudonyms(o)
		seen, same := map[[6]byte][6]byte{}, 0
		for range 50_000 {
			a := macBytes(rng.Uint64() & (1<<48 - 1))
			if rng.IntN(2) == 0 {
				copy(a[:], []byte{0x00, 0x1a, 0x11, 0})
			}
			got := p.MAC(a)
			if other, ok := seen[got]; ok && other != a {
				t.Fatalf("%x and %x both become %x", a, other, got)
			}
			seen[got] = a
			if got == a {
				same++
			}
			if got[0]&3 != a[0]&3 {
				t.Fatalf("%x becomes %x: another kind of address", a, got)
			}
			if keepOUI && a[0]&3 == 0 && [3]byte(got[:]) != [3]byte(a[:]) {
				t.Fatalf("%x becomes %x: another OUI", a, got)
			}
		}
		if same > 3 {
			t.Errorf("keep OUI %t: %d addresses stayed as they were", keepOUI, same)
		}
		for _, kept := range []string{"000000000000", "ffffffffffff", "01005e0000fb", "3333000000fb", "0180c2000000"} {
			a := macBytes(mustHex(t, kept))
			if got := p.MAC(a); got != a {
				t.Errorf("%s becomes %x", kept, got)
			}
		}
	}
}

// TestNames: labels have pseudonyms of their own; addresses and ports are seen.
func TestNames(t *testing.T) {
	p := NewPseudonyms(testOptions(t))
	host := func(s string) string { return string(p.Host(nil, []byte(s))) }
	www, mail := strings.Split(host("www.example.org"), "."), strings.Split(host("mail.EXAMPLE.org"), ".")
	if len(www) != 3 || www[0] == mail[0] || www[1] != mail[1] || www[2] != mail[2] || len(www[0]) != 16 {
		t.Errorf("www.example.org is %v, mail.EXAMPLE.org %v", www, mail)
	}
	if got, want := host("192.0.2.1:8080"), p.Addr(netip.MustParseAddr("192.0.2.1")).String()+":8080"; got != want {
		t.Errorf("an address and port become %s, want %s", got, want)
	}
	if got, want := host("[2001:db8::1]:443"), "["+p.Addr(netip.MustParseAddr("2001:db8::1")).String()+"]:443"; got != want {
		t.Errorf("an address and port become %s, want %s", got, want)
	}
	if got := host("example.org:443"); got != host("example.org")+":443" {
		t.Errorf("a port becomes part of %s", got)
	}
	if got := host(`a\.b.org`); strings.Count(got, ".") != 1 {
		t.Errorf(`a\.b.org becomes %s: an escaped dot is no end of a label`, got)
	}
	if host("") != "" || host(".") != "." {
		t.Errorf("the empty name becomes %q, the root %q", host(""), host("."))
	}
	if a := string(p.any(nil, []byte("02-1A-11-b7-d0-01"))); len(a) != 17 || a[2] != '-' {
		t.Errorf("a MAC address becomes %s", a)
	}
	if string(p.Text(nil, []byte("org"))) == host("org") {
		t.Error("a text and a label of the same letters have one pseudonym")
	}
}

// TestKeysDiffer: another key gives other pseudonyms of everything.
func TestKeysDiffer(t *testing.T) {
	o := testOptions(t)
	p := NewPseudonyms(o)
	o.Key.secret[31] ^= 1 // the padding of Crypto-PAn
	q := NewPseudonyms(o)
	a, mac := netip.MustParseAddr("10.1.2.3"), [6]byte{2, 1, 2, 3, 4, 5}
	if p.Addr(a) == q.Addr(a) || p.MAC(mac) == q.MAC(mac) || p.Number(7) == q.Number(7) ||
		string(p.Text(nil, []byte("x"))) == string(q.Text(nil, []byte("x"))) {
		t.Error("two keys give the same pseudonym")
	}
}

package flow

import "net/netip"

// fragmentTTL is how long the rest of a datagram is waited for, in ns. RFC
// 791 proposes 15 s and RFC 8200 demands 60 s.
const fragmentTTL = 60e9

type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	tunnel   uint32
	vlan     uint16
	proto    uint8
	family   uint8
}

// fragmentState is the conversation that a first fragment belonged to.
type fragmentState struct {
	key   Key
	fromB bool
	time  int64
}

// fragments joins later fragments, which have no ports, to their flow.
type fragments struct {
	store store[fragmentKey, fragmentState]
	order list
	max   int
}

func fragmentKeyOf(d *Digest) fragmentKey {
	k := fragmentKey{src: d.Src.As16(), dst: d.Dst.As16(), id: d.FragID, tunnel: d.Tunnel, vlan: d.VLAN, proto: d.Proto, family: familyIPv6}
	if d.Src.Is4() {
		k.family = familyIPv4
	}
	return k
}

func (f *fragments) reset() {
	f.store.clear()
	f.order = list{}
}

// first remembers the conversation of a first fragment.
func (f *fragments) first(d *Digest, k Key, fromB bool, now int64) {
	id := fragmentKeyOf(d)
	i := f.store.find(id)
	if i == 0 {
		if f.store.used >= f.max {
			f.store.drop(&f.order)
		}
		i = f.store.add(id)
		f.store.push(&f.order, i)
	} else {
		f.store.touch(&f.order, i)
	}
	f.store.at(i).val = fragmentState{key: k, fromB: fromB, time: now}
}

// later finds the conversation of a later fragment.
func (f *fragments) later(d *Digest, now int64) (k Key, fromB, ok bool) {
	i := f.store.find(fragmentKeyOf(d))
	if i == 0 {
		return Key{}, false, false
	}
	v := &f.store.at(i).val
	if now-v.time > fragmentTTL {
		return Key{}, false, false
	}
	return v.key, v.fromB, true
}

// hostKeyOf gives the key of an IP address of a flow.
func hostKeyOf(a netip.Addr) hostKey {
	if a.Is4() {
		k := hostKey{family: familyIPv4}
		b := a.As4()
		copy(k.addr[:], b[:])
		return k
	}
	return hostKey{addr: a.As16(), family: familyIPv6}
}

package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// Match says whether the program accepts a packet of which data was captured
// and wireLen bytes were on the wire. It allocates nothing. A program compiled
// with [Options.Live] is meant for the kernel; here it sees a packet whose
// VLAN tag is in place, that came in from interface 0.
func (p *Program) Match(data []byte, wireLen int) bool {
	var (
		a, x uint32
		mem  [memWords]uint32
		code = p.code
	)
	for pc := 0; pc < len(code); pc++ {
		s := &code[pc]
		switch s.Op & 0x07 {
		case opRET:
			return s.K != 0
		case opJMP:
			pc += jump(s, a, x)
		case opLD:
			switch s.Op & 0xe0 {
			case modeIMM:
				a = s.K
			case modeLEN:
				a = uint32(wireLen)
			case modeMEM:
				a = mem[s.K&15]
			default:
				off := uint64(s.K)
				if s.Op&0xe0 == modeIND {
					off += uint64(x)
				} else if s.K >= ancillary(0) {
					a = 0 // no tag, PACKET_HOST, no interface
					continue
				}
				v, ok := fetch(data, off, s.Op&0x18)
				if !ok {
					return false
				}
				a = v
			}
		case opLDX:
			switch s.Op & 0xe0 {
			case modeMSH:
				if uint64(s.K) >= uint64(len(data)) {
					return false
				}
				x = uint32(data[s.K]&0xf) << 2
			case modeMEM:
				x = mem[s.K&15]
			}
		case opST:
			mem[s.K&15] = a
		case opALU:
			k := s.K
			if s.Op&srcX != 0 {
				k = x
			}
			v, ok := calculate(s.Op&0xf0, a, k)
			if !ok {
				return false
			}
			a = v
		case opTAX & 0x07:
			x = a
		}
	}
	return false
}

// fetch reads 1, 2 or 4 bytes in network order.
func fetch(data []byte, off uint64, size uint16) (uint32, bool) {
	n := uint64(len(data))
	switch size {
	case sizeB:
		if off < n {
			return uint32(data[off]), true
		}
	case sizeH:
		if off+2 <= n {
			return uint32(binary.BigEndian.Uint16(data[off:])), true
		}
	default:
		if off+4 <= n {
			return binary.BigEndian.Uint32(data[off:]), true
		}
	}
	return 0, false
}

// jump gives the instructions to pass over.
func jump(s *bpf.RawInstruction, a, x uint32) int {
	k := s.K
	if s.Op&srcX != 0 {
		k = x
	}
	var taken bool
	switch s.Op & 0xf0 {
	case jumpA:
		return int(s.K)
	case jumpEQ:
		taken = a == k
	case jumpGT:
		taken = a > k
	case jumpGE:
		taken = a >= k
	case jumpSET:
		taken = a&k != 0
	}
	if taken {
		return int(s.Jt)
	}
	return int(s.Jf)
}

// calculate is the arithmetic of BPF; a division by zero rejects the packet.
func calculate(op uint16, a, k uint32) (uint32, bool) {
	switch op {
	case 0x00:
		return a + k, true
	case 0x10:
		return a - k, true
	case 0x20:
		return a * k, true
	case 0x30:
		if k == 0 {
			return 0, false
		}
		return a / k, true
	case 0x40:
		return a | k, true
	case 0x50:
		return a & k, true
	case 0x60:
		return a << k, true
	case 0x70:
		return a >> k, true
	case 0x90:
		if k == 0 {
			return 0, false
		}
		return a % k, true
	case 0xa0:
		return a ^ k, true
	}
	return 0, false
}

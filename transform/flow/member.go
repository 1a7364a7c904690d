package flow

// Member is a packet's place in its flow. The zero value is that of a packet
// that belongs to none.
type Member struct {
	Flow     int64 // flow_id, from 1
	Backward bool  // sent by the other side, not by the initiator

	// Of TCP, the numbers relative to those before the first byte of either
	// direction, as far as these are known, as Wireshark shows them. A
	// direction that was not seen from its SYN on begins at 1 with the first
	// number seen of it.
	Seq, Ack       uint32
	HasSeq, HasAck bool // HasAck only of packets with ACK
}

// member gives the place of a packet that was just added to f.
func (f *flowState) member(d *Digest, dir int) Member {
	m := Member{Flow: f.id, Backward: dir == bwd}
	if d.Proto != protoTCP || d.EtherType == etherARP || !hasHeader(d) {
		return m
	}
	me, peer := &f.ends[dir], &f.ends[1-dir]
	m.Seq, m.HasSeq = d.Seq-me.base, me.haveBase
	m.Ack, m.HasAck = d.Ack-peer.base, peer.haveBase && d.TCPFlags&flagACK != 0
	return m
}

// sequenceBase notes where the numbers of the directions begin. What a side
// acknowledges shows the other's numbers before it was heard; only a SYN's
// acknowledgement number means nothing.
func (f *flowState) sequenceBase(d *Digest, dir int) {
	me, peer := &f.ends[dir], &f.ends[1-dir]
	if !me.haveBase {
		me.haveBase, me.base = true, d.Seq
		if d.TCPFlags&flagSYN == 0 {
			me.base--
		}
	}
	if !peer.haveBase && d.TCPFlags&flagACK != 0 {
		peer.haveBase, peer.base = true, d.Ack-1
	}
}

// trace is packet without the statistics: what ends flows, and no more.
func (f *flowState) trace(d *Digest, dir int) {
	if !f.traced {
		f.traced, f.start = true, d.Time
	}
	f.start = min(f.start, d.Time)
	if d.EtherType != etherARP && d.Proto == protoTCP && hasHeader(d) {
		f.sequenceBase(d, dir)
		f.advanceState(d.TCPFlags, dir)
	}
}

package flow

// TCP flag bits as in the header.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
	flagURG
	flagECE
	flagCWR
	flagCount = 8
)

// endpoint is what one side of a TCP connection has shown of itself, in
// Zeek's terms.
type endpoint uint8

const (
	epInactive endpoint = iota // sent nothing
	epSynSent
	epSynAckSent // without the other side's SYN before it
	epPartial    // packets, but no SYN of its own was seen
	epEstablished
	epClosed // sent FIN
	epReset  // sent RST
)

// Letters of the history; each is noted once a direction.
const (
	histSYN = iota
	histSYNACK
	histACK
	histData
	histFIN
	histRST
	histBoth  // SYN with FIN or RST
	histMulti // FIN with RST
	histRetransmission
	histZeroWindow
	histGap
)

const historyLetters = "SHADFRQITWG"

// tcpSide is the TCP state of one direction.
type tcpSide struct {
	flags           [flagCount]uint32
	retransmissions uint32
	gaps            uint32
	gapBytes        uint64
	zeroWindows     uint32
	keepAlives      uint32
	next            uint32 // sequence number after the highest seen
	haveNext        bool
	haveWindow      bool
	haveSYN         bool
	wscale          uint8
	initWindow      uint16
	mss             uint16
}

// tcpPacket brings the connection's state up to date with a packet of
// direction dir. Fragments after the first have no header and do not come
// here.
func (f *flowState) tcpPacket(d *Digest, dir int) {
	s := &f.dir[dir].tcp
	flags := d.TCPFlags
	for i := range flagCount {
		s.flags[i] += uint32(flags>>i) & 1
	}
	if !s.haveWindow {
		s.haveWindow, s.initWindow = true, d.Window
	}
	if flags&flagSYN != 0 && !s.haveSYN {
		s.haveSYN, s.mss, s.wscale = true, d.MSS, d.WScale
	}
	if d.Window == 0 && flags&(flagSYN|flagRST|flagFIN) == 0 {
		s.zeroWindows++
		f.note(histZeroWindow, dir)
	}
	f.handshake(d, dir)
	f.sequence(d, dir)
	f.sequenceBase(d, dir)
	f.noteFlags(d, dir)
	f.advanceState(flags, dir)
}

// handshake keeps the times of SYN, SYN/ACK and the ACK that completes it.
func (f *flowState) handshake(d *Digest, dir int) {
	switch flags := d.TCPFlags & (flagSYN | flagACK | flagRST | flagFIN); {
	case flags == flagSYN && dir == fwd && !f.haveSynTime:
		f.haveSynTime, f.synTime = true, d.Time
	case flags == flagSYN|flagACK && dir == bwd && f.haveSynTime && !f.haveSynAckTime:
		f.haveSynAckTime, f.synAckTime = true, max(d.Time, f.synTime)
	case flags == flagACK && dir == fwd && f.haveSynAckTime && !f.haveAckTime:
		f.haveAckTime, f.ackTime = true, max(d.Time, f.synAckTime)
	}
}

// sequence counts segments that carry nothing new and those that leave a gap.
// It knows only the highest sequence number of the direction, so that it
// costs nothing: a segment that comes late and fills a gap counts as
// retransmitted.
func (f *flowState) sequence(d *Digest, dir int) {
	s := &f.dir[dir].tcp
	length := d.PayloadLen
	if d.TCPFlags&flagSYN != 0 {
		length++
	}
	if d.TCPFlags&flagFIN != 0 {
		length++
	}
	if length == 0 || d.TCPFlags&flagRST != 0 {
		return
	}
	end := d.Seq + length
	switch {
	case !s.haveNext:
		s.haveNext, s.next = true, end
	case int32(d.Seq-s.next) > 0:
		s.gaps++
		s.gapBytes += uint64(d.Seq - s.next)
		s.next = end
		f.note(histGap, dir)
	case int32(end-s.next) > 0:
		s.next = end
	case d.PayloadLen <= 1 && d.Seq == s.next-1 && d.TCPFlags&(flagSYN|flagFIN) == 0:
		s.keepAlives++
	default:
		s.retransmissions++
		f.note(histRetransmission, dir)
	}
}

func (f *flowState) noteFlags(d *Digest, dir int) {
	flags := d.TCPFlags
	switch syn, fin, rst := flags&flagSYN != 0, flags&flagFIN != 0, flags&flagRST != 0; {
	case fin && rst:
		f.note(histMulti, dir)
	case syn && (fin || rst):
		f.note(histBoth, dir)
	case syn && flags&flagACK != 0:
		f.note(histSYNACK, dir)
	case syn:
		f.note(histSYN, dir)
	case !fin && !rst && flags&flagACK != 0 && d.PayloadLen == 0:
		f.note(histACK, dir)
	}
	if d.PayloadLen > 0 {
		f.note(histData, dir)
	}
	if flags&(flagSYN|flagFIN|flagRST) == flagFIN {
		f.note(histFIN, dir)
	}
	if flags&(flagSYN|flagFIN|flagRST) == flagRST {
		f.note(histRST, dir)
	}
}

// note adds a letter to the history, unless the direction has it.
func (f *flowState) note(letter, dir int) {
	bit := uint16(1) << letter
	if f.noted[dir]&bit != 0 || int(f.historyLen) >= len(f.history) {
		return
	}
	f.noted[dir] |= bit
	c := historyLetters[letter]
	if dir == bwd {
		c += 'a' - 'A'
	}
	f.history[f.historyLen] = c
	f.historyLen++
}

func (f *flowState) advanceState(flags uint16, dir int) {
	me, peer := &f.ends[dir], &f.ends[1-dir]
	switch {
	case flags&flagRST != 0:
		if dir == bwd && peer.state == epSynSent && me.state == epInactive {
			f.rejected = true
		}
		me.state = epReset
		f.close(endRST)
		return
	case flags&flagFIN != 0:
		if me.state != epReset {
			me.state = epClosed
		}
		if peer.state == epClosed {
			f.close(endFIN)
		}
		return
	case me.state != epInactive:
		return
	case flags&flagSYN == 0:
		me.state = epPartial
	case flags&flagACK == 0:
		me.state = epSynSent
	case peer.state == epSynSent:
		me.state, peer.state = epEstablished, epEstablished
	default:
		me.state = epSynAckSent
	}
}

// close notes that the connection is over. What first ended it stays.
func (f *flowState) close(r endReason) {
	if !f.closed {
		f.closed, f.reason = true, r
	}
}

// connState gives Zeek's name of how the conversation went.
//
// Source: https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html
func (f *flowState) connState(proto uint8) string {
	if proto != protoTCP {
		switch {
		case proto != protoUDP:
			return "OTH"
		case f.dir[bwd].packets == 0:
			return "S0"
		case f.dir[fwd].packets == 0:
			return "SHR"
		}
		return "SF"
	}
	o, r := f.ends[fwd].state, f.ends[bwd].state
	silent := func(e endpoint) bool { return e == epInactive || e == epPartial }
	if r == epReset {
		switch noData := f.dir[fwd].payloadBytes()+f.dir[bwd].payloadBytes() == 0; {
		case o == epSynSent, o == epSynAckSent, o == epReset && noData:
			return "REJ"
		case silent(o):
			return "RSTRH"
		}
		return "RSTR"
	}
	switch {
	case o == epReset && silent(r):
		return "RSTOS0"
	case o == epReset:
		return "RSTO"
	case o == epClosed && r == epClosed:
		return "SF"
	case o == epClosed && silent(r):
		return "SH"
	case o == epClosed:
		return "S2"
	case r == epClosed && silent(o):
		return "SHR"
	case r == epClosed:
		return "S3"
	case o == epSynSent && r == epInactive:
		return "S0"
	case o == epEstablished && r == epEstablished:
		return "S1"
	}
	return "OTH"
}

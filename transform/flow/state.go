package flow

// Directions: forward is from the initiator to the other side.
const (
	fwd = 0
	bwd = 1
)

// endReason is why a flow's row was made.
type endReason uint8

const (
	endIdle endReason = iota
	endActive
	endFIN
	endRST
	endEOF
	endEvicted
	endEarly
	endCount
)

var endNames = [endCount]string{"idle", "active", "fin", "rst", "eof", "evicted", "early"}

// smallPayload is the size below which a payload counts as small: keystrokes,
// prompts and beacons are.
const smallPayload = 64

// volumeStats are the statistics that are kept for each direction and can be
// added up for both.
type volumeStats struct {
	packets      int64
	length       sums // of frames on the wire
	payload      sums // above the transport header
	headers      uint64
	dataPackets  int64 // with payload
	smallPackets int64 // with payload of less than smallPayload
	macChanges   int64 // packets whose sender's MAC is not the first one's
	entropy      float64
	ttlMin       uint8
	ttlMax       uint8
	hasTTL       bool
}

func (v *volumeStats) payloadBytes() uint64 { return v.payload.sum }

// plus gives the statistics of both directions.
func (v *volumeStats) plus(o *volumeStats) volumeStats {
	t := volumeStats{
		packets:      v.packets + o.packets,
		length:       v.length.plus(v.packets, o.length, o.packets),
		payload:      v.payload.plus(v.packets, o.payload, o.packets),
		headers:      v.headers + o.headers,
		dataPackets:  v.dataPackets + o.dataPackets,
		smallPackets: v.smallPackets + o.smallPackets,
		macChanges:   v.macChanges + o.macChanges,
		entropy:      v.entropy + o.entropy,
		hasTTL:       v.hasTTL || o.hasTTL,
	}
	switch {
	case v.hasTTL && o.hasTTL:
		t.ttlMin, t.ttlMax = min(v.ttlMin, o.ttlMin), max(v.ttlMax, o.ttlMax)
	case v.hasTTL:
		t.ttlMin, t.ttlMax = v.ttlMin, v.ttlMax
	default:
		t.ttlMin, t.ttlMax = o.ttlMin, o.ttlMax
	}
	return t
}

// dirState is what is kept of one direction.
type dirState struct {
	volumeStats
	iat  moments
	last int64 // latest time so far
	mac  [6]byte
	tcp  tcpSide
}

// dnsState is what is kept of the DNS messages of a flow.
type dnsState struct {
	queries, responses                  uint32
	noError, nxDomain, servFail, others uint32
	names                               uint32
	nameLength                          uint64
	nameLengthMax                       uint16
	labelsMax                           uint8
	qtype                               uint16
	bulkQueries                         uint32 // TXT, NULL, ANY: what tunnels and amplifiers ask for
}

// arpState is what is kept of the ARP messages of a flow.
type arpState struct {
	requests, replies, gratuitous, probes uint32
	srcClaims, dstClaims                  uint8
}

// flowState is an open flow. It is reused for one flow after another.
type flowState struct {
	id                      int64
	file                    int32
	firstNumber, lastNumber int64
	start, end              int64
	touched                 int64 // time of the table when the last packet came
	fromB                   bool  // the initiator is endpoint B of the key
	closed                  bool  // TCP is over
	inClosed                bool  // is in the table's list of closed flows
	early                   bool  // the early row was made
	portless                bool  // the header with the ports was not seen
	rejected, rejectCounted bool
	answered                bool
	dstMAC                  [6]byte
	srcMAC                  [6]byte
	etherType               uint16
	icmpType, icmpCode      uint8
	reason                  endReason

	dir         [2]dirState
	iat         moments
	active      moments
	idle        moments
	activeStart int64
	late        uint32 // packets older than one before them in the flow
	fragments   uint32
	mark        Mark
	turns       uint32 // changes of direction from one data packet to the next
	dataDir     int8   // direction of the last data packet, -1 before the first
	firstData   int8

	haveSynTime, haveSynAckTime, haveAckTime bool
	synTime, synAckTime, ackTime             int64

	noted      [2]uint16
	history    [2*len(historyLetters) + 1]byte
	historyLen uint8

	splt     []int32
	spltGaps []int64

	dns  dnsState
	arp  arpState
	past past
	serv servicePast

	host    [2]ref // initiator, other side
	service ref
}

// restart empties the state and keeps its lists' memory.
func (f *flowState) restart() {
	sizes, gaps := f.splt[:0], f.spltGaps[:0]
	*f = flowState{splt: sizes, spltGaps: gaps, dataDir: -1, firstData: -1}
}

// packet adds a packet of direction dir.
func (f *flowState) packet(d *Digest, dir int, c *Config) {
	first := f.dir[fwd].packets+f.dir[bwd].packets == 0
	f.timing(d, dir, first, c)
	f.lastNumber = d.Number
	f.mark.add(d.Mark)
	v := &f.dir[dir].volumeStats
	v.packets++
	v.length.add(v.packets, d.WireLen)
	v.payload.add(v.packets, d.PayloadLen)
	v.headers += uint64(d.HeaderLen)
	if d.PayloadLen > 0 {
		f.data(d, dir)
	}
	if v.packets == 1 {
		f.dir[dir].mac = d.SrcMAC
	} else if f.dir[dir].mac != d.SrcMAC {
		v.macChanges++
	}
	if d.EtherType != etherARP {
		if !v.hasTTL {
			v.hasTTL, v.ttlMin, v.ttlMax = true, d.TTL, d.TTL
		}
		v.ttlMin, v.ttlMax = min(v.ttlMin, d.TTL), max(v.ttlMax, d.TTL)
	}
	if d.Fragment {
		f.fragments++
	}
	switch {
	case d.EtherType == etherARP:
		f.arpPacket(d)
	case !hasHeader(d):
	case d.Proto == protoTCP:
		f.tcpPacket(d, dir)
	case d.Proto == protoUDP && d.PayloadLen > 0:
		f.note(histData, dir)
	}
	if d.Proto == protoUDP || d.Proto == protoTCP {
		f.dnsPacket(d)
	}
}

// timing brings times, gaps and the sequence up to date.
func (f *flowState) timing(d *Digest, dir int, first bool, c *Config) {
	var gap int64
	if first {
		f.start, f.end, f.activeStart = d.Time, d.Time, d.Time
		f.firstNumber = d.Number
	} else {
		gap = d.Time - f.end
		if gap < 0 {
			f.late++
			gap = 0
			if d.Time < f.start {
				f.start, f.activeStart = d.Time, min(f.activeStart, d.Time)
			}
		}
		f.iat.add(gap)
		if gap > int64(c.ActivityGap) {
			f.active.add(f.end - f.activeStart)
			f.idle.add(gap)
			f.activeStart = d.Time
		}
		f.end = max(f.end, d.Time)
	}
	s := &f.dir[dir]
	if s.packets > 0 {
		s.iat.add(max(d.Time-s.last, 0))
		s.last = max(s.last, d.Time)
	} else {
		s.last = d.Time
	}
	if len(f.splt) < c.Sequence {
		size := int32(min(d.PayloadLen, 1<<30))
		if d.EtherType == etherARP {
			size = int32(min(d.WireLen, 1<<30))
		}
		if dir == bwd {
			size = -size
		}
		f.splt = append(f.splt, size)
		f.spltGaps = append(f.spltGaps, gap)
	}
}

// data counts a packet with payload.
func (f *flowState) data(d *Digest, dir int) {
	v := &f.dir[dir].volumeStats
	v.dataPackets++
	if d.PayloadLen < smallPayload {
		v.smallPackets++
	}
	if d.Entropy > 0 && d.Entropy <= 8 { // not a NaN either
		v.entropy += float64(d.Entropy)
	}
	if f.dataDir >= 0 && int(f.dataDir) != dir {
		f.turns++
	}
	if f.firstData < 0 {
		f.firstData = int8(dir)
	}
	f.dataDir = int8(dir)
}

// Question types that carry much: RFC 1035 NULL and TXT, RFC 8482 ANY.
const (
	dnsNULL = 10
	dnsTXT  = 16
	dnsANY  = 255
)

func (f *flowState) dnsPacket(d *Digest) {
	if d.DNSRcode < 0 && d.DNSNameLen == 0 && d.DNSQType == 0 {
		return
	}
	s := &f.dns
	if s.queries+s.responses == 0 {
		s.qtype = d.DNSQType
	}
	switch d.DNSRcode {
	case 0:
		s.noError++
	case 2:
		s.servFail++
	case 3:
		s.nxDomain++
	default:
		if d.DNSRcode > 0 {
			s.others++
		}
	}
	if d.DNSRcode >= 0 {
		s.responses++
	} else {
		s.queries++
		switch d.DNSQType {
		case dnsNULL, dnsTXT, dnsANY:
			s.bulkQueries++
		}
	}
	if d.DNSNameLen > 0 {
		s.names++
		s.nameLength += uint64(d.DNSNameLen)
		s.nameLengthMax = max(s.nameLengthMax, d.DNSNameLen)
		s.labelsMax = max(s.labelsMax, d.DNSLabels)
	}
}

func (f *flowState) arpPacket(d *Digest) {
	switch d.ARPOp {
	case 1:
		f.arp.requests++
	case 2:
		f.arp.replies++
	}
	if d.Src == d.Dst {
		f.arp.gratuitous++
	}
	if d.Src.IsUnspecified() {
		f.arp.probes++
	}
}

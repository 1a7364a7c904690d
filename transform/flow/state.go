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
	ipBytes      uint64
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
		ipBytes:      v.ipBytes + o.ipBytes,
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
	iat         moments
	first, last int64 // earliest and latest time so far
	mac         [6]byte
	tos         uint8  // of the first packet
	headerMin   uint16 // least transport header, of the packets that have one
	bulk        bulkState
	tcp         tcpSide
}

// bulkPackets is how many packets with payload in a row make a bulk.
const bulkPackets = 4

// bulkGap is the time between two packets, in ns, that ends a bulk and, with
// all packets of the flow, a subflow.
const bulkGap = 1e9

// bulkState is the bulks of one direction: runs of packets with payload, none
// of the other direction between, that follow each other within bulkGap.
type bulkState struct {
	count, packets, bytes uint64 // of the bulks so far
	duration              int64
	start, last           int64 // of the present run
	run, runBytes         uint64
}

// add takes the direction's next packet with payload.
func (b *bulkState) add(now int64, payload uint32) {
	if b.run > 0 && now-b.last > bulkGap {
		b.run = 0
	}
	if b.run == 0 {
		b.start, b.last, b.runBytes = now, now, 0
	}
	b.run++
	b.runBytes += uint64(payload)
	gap := max(now-b.last, 0)
	b.last += gap
	switch {
	case b.run == bulkPackets: // the run has become a bulk
		b.count++
		b.packets += bulkPackets
		b.bytes += b.runBytes
		b.duration += b.last - b.start
	case b.run > bulkPackets:
		b.packets++
		b.bytes += uint64(payload)
		b.duration += gap
	}
}

// dnsState is what is kept of the DNS messages of a flow.
type dnsState struct {
	queries, responses                  uint32
	noError, nxDomain, servFail, others uint32
	names                               uint32
	nameLength                          uint64
	nameLengthMax                       uint16
	labelsMax                           uint8
	entropy                             float64 // sum over the texts of names
	texts                               uint32
	qtype                               uint16
	bulkQueries                         uint32 // TXT, NULL, ANY: what tunnels and amplifiers ask for
}

// arpState is what is kept of the ARP messages of a flow.
type arpState struct {
	requests, replies, gratuitous, probes uint32
	srcClaims, dstClaims                  uint8
}

// flowState is an open flow: what ends it and tells its packets apart. It is
// reused for one flow after another.
type flowState struct {
	id                      int64
	file, lastFile          int32
	firstNumber, lastNumber int64
	start, end              int64
	touched                 int64 // time of the table when the last packet came
	fromB                   bool  // the initiator is endpoint B of the key
	closed                  bool  // TCP is over
	inClosed                bool  // is in the table's list of closed flows
	early                   bool  // the early row was made
	portless                bool  // the header with the ports was not seen
	traced                  bool  // a packet came, with Config.IDsOnly
	rejected, rejectCounted bool
	answered                bool
	dstMAC                  [6]byte
	srcMAC                  [6]byte
	etherType               uint16
	icmpType, icmpCode      uint8
	reason                  endReason
	ends                    [2]tcpEnd

	*record // nil with Config.IDsOnly
}

// tcpEnd is how far a direction of a TCP connection has come.
type tcpEnd struct {
	base     uint32 // number before the first byte of the direction
	haveBase bool
	state    endpoint
}

// record is what a flow's row is made of.
type record struct {
	dir         [2]dirState
	iat         moments
	active      moments
	idle        moments
	activeStart int64
	late        uint32 // packets older than one before them in the flow
	fragments   uint32
	duplicates  uint32
	routed      uint32
	subflows    uint32 // pauses longer than bulkGap
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
	spltBack [4]uint64 // bit i: packet i came from the other side

	app  *appState // nil until a packet says something
	dns  dnsState
	arp  arpState
	past past
	serv servicePast

	host    [2]ref // initiator, other side
	service ref
}

// restart empties the state and keeps its lists' memory.
func (f *flowState) restart(recorded bool) {
	r := f.record
	switch {
	case !recorded:
		r = nil
	case r == nil:
		r = new(record)
	}
	*f = flowState{record: r}
	if r != nil {
		r.restart()
	}
}

func (r *record) restart() {
	sizes, gaps, app := r.splt[:0], r.spltGaps[:0], r.app
	if app != nil {
		*app = appState{}
	}
	*r = record{splt: sizes, spltGaps: gaps, app: app, dataDir: -1, firstData: -1}
}

// packet adds a packet of direction dir.
func (f *flowState) packet(d *Digest, dir int, c *Config) {
	first := f.dir[fwd].packets+f.dir[bwd].packets == 0
	f.timing(d, dir, first, c)
	f.lastFile, f.lastNumber = d.File, d.Number
	f.mark.add(d.Mark)
	v := &f.dir[dir].volumeStats
	v.packets++
	v.length.add(v.packets, d.WireLen)
	v.payload.add(v.packets, d.PayloadLen)
	v.ipBytes += uint64(d.IPLen)
	v.headers += uint64(d.HeaderLen)
	if s := &f.dir[dir]; d.HeaderLen > 0 && (s.headerMin == 0 || d.HeaderLen < s.headerMin) {
		s.headerMin = d.HeaderLen
	}
	if d.PayloadLen > 0 {
		f.data(d, dir)
	}
	if v.packets == 1 {
		f.dir[dir].mac, f.dir[dir].tos = d.SrcMAC, d.TOS
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
	if d.App != nil {
		f.appPacket(d.App, dir)
	}
}

// noteTwin counts a packet that repeats another.
func (f *flowState) noteTwin(t twin) {
	switch t {
	case sameTwin:
		f.duplicates++
	case routedTwin:
		f.routed++
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
		if gap > bulkGap {
			f.subflows++
		}
		f.end = max(f.end, d.Time)
	}
	s := &f.dir[dir]
	if s.packets > 0 {
		s.iat.add(max(d.Time-s.last, 0))
		s.first, s.last = min(s.first, d.Time), max(s.last, d.Time)
	} else {
		s.first, s.last = d.Time, d.Time
	}
	if len(f.splt) < c.Sequence {
		size := int32(min(d.PayloadLen, 1<<30))
		if d.EtherType == etherARP {
			size = int32(min(d.WireLen, 1<<30))
		}
		if dir == bwd {
			size = -size
			f.spltBack[len(f.splt)/64] |= 1 << (len(f.splt) % 64)
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
		f.dir[1-dir].bulk.run = 0
	}
	f.dir[dir].bulk.add(d.Time, d.PayloadLen)
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

package flow

import (
	"strconv"

	"github.com/pcapline/pcapline/transform/schema"
)

// Rows is a batch of the flows table.
type Rows struct {
	batch   *schema.Batch
	scratch []byte
	sizes   []int64
	gaps    []float64
	dirs    []uint8
	marks   []Mark // of the rows in batch

	flow      FlowColumns
	volume    [3]VolumeColumns // both, forward, backward
	direction [2]DirectionColumns
	shape     ShapeColumns
	handshake HandshakeColumns
	tcp       [2]TCPColumns
	dns       DNSColumns
	app       AppColumns
	arp       ARPColumns
	windows   [2][windowCount]WindowColumns
	link      LinkColumns
	service   ServiceColumns
}

// NewRows makes an empty batch.
func NewRows() *Rows {
	r := new(Rows)
	r.batch = schema.Join(
		schema.Of(&r.flow),
		schema.OfPrefixed("flow_", &r.volume[0]),
		schema.OfPrefixed("fwd_", &r.volume[1]),
		schema.OfPrefixed("bwd_", &r.volume[2]),
		schema.OfPrefixed("fwd_", &r.direction[fwd]),
		schema.OfPrefixed("bwd_", &r.direction[bwd]),
		schema.Of(&r.shape, &r.handshake),
		schema.OfPrefixed("fwd_", &r.tcp[fwd]),
		schema.OfPrefixed("bwd_", &r.tcp[bwd]),
		schema.Of(&r.dns, &r.app, &r.arp),
		schema.OfPrefixed("src_1s_", &r.windows[asSource][0]),
		schema.OfPrefixed("src_10s_", &r.windows[asSource][1]),
		schema.OfPrefixed("src_60s_", &r.windows[asSource][2]),
		schema.OfPrefixed("dst_1s_", &r.windows[asTarget][0]),
		schema.OfPrefixed("dst_10s_", &r.windows[asTarget][1]),
		schema.OfPrefixed("dst_60s_", &r.windows[asTarget][2]),
		schema.Of(&r.link, &r.service),
	)
	return r
}

// Schema lists the columns of the flows table.
func Schema() schema.Schema { return NewRows().batch.Schema() }

// Batch holds the columns.
func (r *Rows) Batch() *schema.Batch { return r.batch }

// Marks holds what the flows' packets were marked with, row by row.
func (r *Rows) Marks() []Mark { return r.marks }

func (r *Rows) reset() {
	r.batch.Reset()
	r.marks = r.marks[:0]
}

// add makes a flow's row.
func (r *Rows) add(k *Key, f *flowState, reason endReason) {
	row := r.batch.Rows
	duration := seconds(float64(f.end - f.start))
	r.identity(row, k, f, reason)
	both := f.dir[fwd].plus(&f.dir[bwd].volumeStats)
	r.volumes(row, &r.volume[0], &both, &f.iat, duration)
	r.volumes(row, &r.volume[1], &f.dir[fwd].volumeStats, &f.dir[fwd].iat, duration)
	r.volumes(row, &r.volume[2], &f.dir[bwd].volumeStats, &f.dir[bwd].iat, duration)
	r.directions(row, f)
	r.shapes(row, f)
	if k.Proto == protoTCP && k.Family != familyARP {
		r.connection(row, f)
	}
	if f.dns.queries+f.dns.responses > 0 {
		r.dnsMessages(row, &f.dns)
	}
	if f.app != nil {
		r.apps(row, f.app)
	}
	if k.Family == familyARP {
		r.arp.Mark(row)
		r.arp.Requests.Append(f.arp.requests)
		r.arp.Replies.Append(f.arp.replies)
		r.arp.Gratuitous.Append(f.arp.gratuitous)
		r.arp.Probes.Append(f.arp.probes)
	}
	r.past(row, f)
	r.history(row, &f.serv)
	r.marks = append(r.marks, f.mark)
	r.batch.Rows++
}

func (r *Rows) identity(row int, k *Key, f *flowState, reason endReason) {
	c := &r.flow
	src, dst := k.addrs()
	srcPort, dstPort := k.PortA, k.PortB
	if f.fromB {
		src, dst, srcPort, dstPort = dst, src, dstPort, srcPort
	}
	c.ID.Append(f.id)
	c.File.Append(uint32(f.file))
	c.First.Append(f.firstNumber)
	c.LastFile.Append(uint32(f.lastFile))
	c.Last.Append(f.lastNumber)
	c.Key.Append(k.Hash())
	if r.scratch = k.CommunityID(r.scratch[:0]); len(r.scratch) > 0 {
		c.CommunityID.Set(row, r.batch.Text(r.scratch))
	}
	c.Start.Append(micros(f.start))
	c.StartNanos.Append(f.start)
	c.End.Append(micros(f.end))
	c.EndNanos.Append(f.end)
	c.SrcMAC.Append(f.srcMAC)
	c.DstMAC.Append(f.dstMAC)
	c.SrcIP.Append(src)
	c.DstIP.Append(dst)
	if hasPorts(k.Proto) && !f.portless {
		c.SrcPort.Set(row, srcPort)
		c.DstPort.Set(row, dstPort)
	}
	if k.VLAN != 0 {
		c.VLAN.Set(row, k.VLAN)
	}
	if k.Tunnel != 0 {
		r.tunnel(row, c, k.Tunnel)
	}
	c.EtherType.Append(f.etherType)
	if k.Family != familyARP {
		c.Proto.Set(row, k.Proto)
	}
	c.ProtoName.Append(r.protoName(k))
	if k.Family != familyARP && (k.Proto == protoICMP || k.Proto == protoICMPv6) && !f.portless {
		c.ICMPType.Set(row, f.icmpType)
		c.ICMPCode.Set(row, f.icmpCode)
	}
	c.EndReason.Append(endTexts[reason])
	c.State.Append(r.batch.Text([]byte(f.connState(k.Proto))))
	if k.Family != familyARP && (k.Proto == protoTCP || k.Proto == protoUDP) {
		c.History.Set(row, r.batch.Text(f.history[:f.historyLen]))
	}
	c.Duration.Append(seconds(float64(f.end - f.start)))
	c.Late.Append(f.late)
	c.Duplicates.Append(f.duplicates)
	c.Routed.Append(f.routed)
	c.Fragments.Append(f.fragments)
}

func (r *Rows) tunnel(row int, c *FlowColumns, tunnel uint32) {
	name, network, hasNetwork := tunnelOf(tunnel)
	c.Tunnel.Set(row, r.batch.Text([]byte(name)))
	if hasNetwork {
		c.TunnelVNI.Set(row, network)
	}
}

// micros rounds ns down to µs, also before 1970.
func micros(ns int64) schema.Micros {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return schema.Micros(us)
}

func (r *Rows) volumes(row int, c *VolumeColumns, v *volumeStats, iat *moments, duration float64) {
	n := v.packets
	c.Packets.Append(n)
	c.Bytes.Append(int64(v.length.sum))
	c.IPBytes.Append(int64(v.ipBytes))
	c.Payload.Append(int64(v.payload.sum))
	c.Headers.Append(int64(v.headers))
	c.DataPackets.Append(v.dataPackets)
	c.SmallPackets.Append(v.smallPackets)
	c.MACChanges.Append(v.macChanges)
	if n > 0 {
		c.LenMin.Set(row, v.length.min)
		c.LenMax.Set(row, v.length.max)
		c.LenMean.Set(row, v.length.mean(n))
		c.PayloadMin.Set(row, v.payload.min)
		c.PayloadMax.Set(row, v.payload.max)
		c.PayloadMean.Set(row, v.payload.mean(n))
	}
	if n > 1 {
		c.LenStd.Set(row, v.length.std(n))
		c.PayloadStd.Set(row, v.payload.std(n))
	}
	if iat.n > 0 {
		c.IATMin.Set(row, seconds(float64(iat.min)))
		c.IATMax.Set(row, seconds(float64(iat.max)))
		c.IATMean.Set(row, seconds(iat.mean))
	}
	if iat.n > 1 {
		c.IATStd.Set(row, seconds(iat.std()))
	}
	if duration > 0 {
		c.PacketRate.Set(row, float64(n)/duration)
		c.ByteRate.Set(row, float64(v.length.sum)/duration)
	}
	if v.hasTTL {
		c.TTLMin.Set(row, v.ttlMin)
		c.TTLMax.Set(row, v.ttlMax)
	}
	if v.dataPackets > 0 {
		c.Entropy.Set(row, v.entropy/float64(v.dataPackets))
	}
}

func (r *Rows) directions(row int, f *flowState) {
	subflows := float64(f.subflows) + 1
	for dir := range r.direction {
		c, s := &r.direction[dir], &f.dir[dir]
		if s.packets > 0 {
			c.Duration.Set(row, seconds(float64(s.last-s.first)))
		}
		if s.hasTTL {
			c.TOS.Set(row, s.tos)
		}
		if s.headerMin > 0 {
			c.HeaderMin.Set(row, s.headerMin)
		}
		b := &s.bulk
		c.Bulks.Append(uint32(b.count))
		if b.count > 0 {
			c.BulkPackets.Set(row, float64(b.packets)/float64(b.count))
			c.BulkBytes.Set(row, float64(b.bytes)/float64(b.count))
		}
		if b.duration > 0 {
			c.BulkRate.Set(row, float64(b.bytes)/seconds(float64(b.duration)))
		}
		c.SubflowPackets.Append(float64(s.packets) / subflows)
		c.SubflowBytes.Append(float64(s.payload.sum) / subflows)
	}
}

func (r *Rows) shapes(row int, f *flowState) {
	c := &r.shape
	up, down := &f.dir[fwd], &f.dir[bwd]
	if up.packets > 0 {
		c.DownUp.Set(row, float64(down.packets)/float64(up.packets))
	}
	if up.payload.sum > 0 {
		c.DownUpBytes.Set(row, float64(down.payload.sum)/float64(up.payload.sum))
	}
	c.Turns.Append(f.turns)
	if f.firstData >= 0 {
		c.ServerFirst.Set(row, f.firstData == bwd)
	}
	active := f.active // the period that is still open ends with the flow
	active.add(f.end - f.activeStart)
	c.ActivePeriod.Append(active.n)
	c.ActiveMean.Append(seconds(active.mean))
	c.ActiveMin.Append(seconds(float64(active.min)))
	c.ActiveMax.Append(seconds(float64(active.max)))
	if active.n > 1 {
		c.ActiveStd.Set(row, seconds(active.std()))
	}
	if f.idle.n > 0 {
		c.IdleMean.Set(row, seconds(f.idle.mean))
		c.IdleMin.Set(row, seconds(float64(f.idle.min)))
		c.IdleMax.Set(row, seconds(float64(f.idle.max)))
	}
	if f.idle.n > 1 {
		c.IdleStd.Set(row, seconds(f.idle.std()))
	}
	c.Subflows.Append(int64(f.subflows) + 1)
	r.sequence(row, f)
}

// sequence fills the lists of the first packets.
func (r *Rows) sequence(row int, f *flowState) {
	c := &r.shape
	r.sizes, r.gaps, r.dirs = r.sizes[:0], r.gaps[:0], r.dirs[:0]
	for i, size := range f.splt {
		r.sizes = append(r.sizes, int64(size))
		r.gaps = append(r.gaps, seconds(float64(f.spltGaps[i])))
		r.dirs = append(r.dirs, uint8(f.spltBack[i/64]>>(i%64)&1))
	}
	c.Sizes.Set(row, r.sizes...)
	c.Directions.Set(row, r.dirs...)
	c.Gaps.Set(row, r.gaps...)
}

func (r *Rows) connection(row int, f *flowState) {
	r.handshake.Mark(row)
	if f.haveSynAckTime {
		r.handshake.SynRTT.Set(row, seconds(float64(f.synAckTime-f.synTime)))
	}
	if f.haveAckTime {
		r.handshake.AckRTT.Set(row, seconds(float64(f.ackTime-f.synAckTime)))
	}
	for dir := range r.tcp {
		c, s := &r.tcp[dir], &f.dir[dir].tcp
		c.Mark(row)
		for i, column := range [flagCount]*schema.Values[uint32]{
			&c.FIN, &c.SYN, &c.RST, &c.PSH, &c.ACK, &c.URG, &c.ECE, &c.CWR,
		} {
			column.Append(s.flags[i])
		}
		c.Retransmissions.Append(s.retransmissions)
		c.Gaps.Append(s.gaps)
		c.GapBytes.Append(int64(s.gapBytes))
		c.KeepAlives.Append(s.keepAlives)
		c.ZeroWindows.Append(s.zeroWindows)
		if s.haveWindow {
			c.InitWindow.Set(row, s.initWindow)
		}
		if s.mss != 0 {
			c.MSS.Set(row, s.mss)
		}
		if s.haveSYN {
			c.WScale.Set(row, s.wscale)
		}
	}
}

func (r *Rows) dnsMessages(row int, s *dnsState) {
	c := &r.dns
	c.Mark(row)
	c.Queries.Append(s.queries)
	c.Responses.Append(s.responses)
	c.NoError.Append(s.noError)
	c.NXDomain.Append(s.nxDomain)
	c.ServFail.Append(s.servFail)
	c.OtherRcode.Append(s.others)
	c.BulkQueries.Append(s.bulkQueries)
	c.QType.Append(s.qtype)
	if s.names > 0 {
		c.NameMean.Set(row, float64(s.nameLength)/float64(s.names))
		c.NameMax.Set(row, s.nameLengthMax)
		c.LabelsMax.Set(row, s.labelsMax)
	}
	if s.texts > 0 {
		c.NameEntropy.Set(row, s.entropy/float64(s.texts))
	}
}

func (r *Rows) past(row int, f *flowState) {
	p := &f.past
	for role := range r.windows {
		for w := range windowCount {
			c, h := &r.windows[role][w], &p.role[role]
			c.Flows.Append(h.flows[w])
			c.Peers.Append(h.peers[w])
			c.Ports.Append(h.ports[w])
			c.Rejected.Append(h.rejected[w])
			if n := float64(h.flows[w]); n > 0 {
				c.SynRatio.Set(row, float64(h.syns[w])/n)
				c.Unanswered.Set(row, max(1-float64(h.answered[w])/n, 0))
			}
			c.Sent.Append(int64(p.sent[role][w]))
			c.Received.Append(int64(p.received[role][w]))
		}
	}
	c := &r.link
	c.Requests1.Append(p.arpRequests[0])
	c.Replies1.Append(p.arpReplies[0])
	c.Requests10.Append(p.arpRequests[1])
	c.Replies10.Append(p.arpReplies[1])
	c.Requests60.Append(p.arpRequests[2])
	c.Replies60.Append(p.arpReplies[2])
	c.SrcClaimed.Append(f.arp.srcClaims)
	c.DstClaimed.Append(f.arp.dstClaims)
}

func (r *Rows) history(row int, s *servicePast) {
	c := &r.service
	c.Flows.Append(s.flows)
	c.Recent.Append(s.recent)
	if s.flows > 0 {
		c.Since.Set(row, seconds(float64(s.since)))
		c.GapMean.Set(row, seconds(s.gaps.mean))
		c.BytesMean.Set(row, float64(s.bytes)/float64(s.flows))
	}
	if s.gaps.n > 1 {
		c.GapStd.Set(row, seconds(s.gaps.std()))
		if s.gaps.mean > 0 {
			c.GapCV.Set(row, s.gaps.std()/s.gaps.mean)
		}
	}
	if s.dnsNames > 0 {
		c.NameMean.Set(row, float64(s.dnsLength)/float64(s.dnsNames))
	}
}

var endTexts = func() (t [endCount]schema.Text) {
	for i, n := range endNames {
		t[i] = schema.Text(n)
	}
	return t
}()

func (r *Rows) protoName(k *Key) schema.Text {
	if name := k.knownProto(); name != nil {
		return name
	}
	r.scratch = strconv.AppendUint(append(r.scratch[:0], "ip-"...), uint64(k.Proto), 10)
	return r.batch.Text(r.scratch)
}

// ProtoName is the protocol as column proto_name has it.
func (k Key) ProtoName() string {
	if name := k.knownProto(); name != nil {
		return string(name)
	}
	return "ip-" + strconv.Itoa(int(k.Proto))
}

// knownProto is nil for protocols without a name of their own.
func (k *Key) knownProto() schema.Text {
	if k.Family == familyARP {
		return arpName
	}
	for _, p := range protoNames {
		if p.number == k.Proto {
			return p.name
		}
	}
	return nil
}

var arpName = schema.Text("arp")

// Keywords of IANA's protocol numbers that captures hold, in lower case, the
// most frequent first.
var protoNames = []struct {
	number uint8
	name   schema.Text
}{
	{protoTCP, schema.Text("tcp")}, {protoUDP, schema.Text("udp")},
	{protoICMP, schema.Text("icmp")}, {protoICMPv6, schema.Text("icmpv6")},
	{2, schema.Text("igmp")}, {4, schema.Text("ipip")}, {33, schema.Text("dccp")},
	{41, schema.Text("ipv6")}, {46, schema.Text("rsvp")}, {47, schema.Text("gre")},
	{50, schema.Text("esp")}, {51, schema.Text("ah")}, {88, schema.Text("eigrp")},
	{89, schema.Text("ospf")}, {103, schema.Text("pim")}, {112, schema.Text("vrrp")},
	{115, schema.Text("l2tp")}, {protoSCTP, schema.Text("sctp")}, {protoUDPLite, schema.Text("udplite")},
}

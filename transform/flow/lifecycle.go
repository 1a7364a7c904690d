package flow

// take adds a packet to its flow.
func (t *Table) take(d *Digest) (m Member) {
	key, fromB := keyOf(d)
	if !key.Valid() {
		t.stats.NonFlow[nonFlowReason(d)]++
		return m
	}
	twin := t.dups.see(d)
	if twin != noTwin && t.cfg.DropDuplicates {
		t.stats.NonFlow[Duplicate]++
		return m
	}
	t.stats.InFlows++
	if d.Time < t.now {
		t.stats.Late++
	}
	t.now = max(t.now, d.Time)
	if d.Fragment {
		key, fromB = t.fragment(d, key, fromB)
	}
	t.expire(t.now, endIdle)
	i := t.flows.find(key)
	if i != 0 && t.another(d, i) {
		i = 0
	}
	if i == 0 {
		i = t.begin(d, key, fromB)
	}
	f := &t.flows.at(i).val
	dir := fwd
	if fromB != f.fromB {
		dir = bwd
	}
	if t.cfg.IDsOnly {
		f.trace(d, dir)
	} else {
		f.packet(d, dir, &t.cfg)
		f.noteTwin(twin)
		t.remember(d, f, dir)
	}
	t.relist(i)
	if t.earlyRows != nil && !f.early && t.cfg.Early > 0 && f.dir[fwd].packets+f.dir[bwd].packets >= int64(t.cfg.Early) {
		t.early(i)
	}
	return f.member(d, dir)
}

// fragment gives the conversation of a fragment.
func (t *Table) fragment(d *Digest, key Key, fromB bool) (Key, bool) {
	if key.Family == familyARP {
		return key, fromB
	}
	if d.FragOffset == 0 {
		t.frags.first(d, key, fromB, t.now)
		return key, fromB
	}
	if k, b, ok := t.frags.later(d, t.now); ok {
		t.stats.JoinedFragments++
		return k, b
	}
	t.stats.OrphanFragments++
	return key, fromB
}

// another ends the flow with the packet's key if the packet belongs to the
// next one: after a close only a SYN does, whatever else comes is the tail of
// the old connection.
func (t *Table) another(d *Digest, i int32) bool {
	f := &t.flows.at(i).val
	newSYN := d.Proto == protoTCP && hasHeader(d) &&
		d.TCPFlags&(flagSYN|flagACK|flagRST|flagFIN) == flagSYN
	if f.closed && newSYN || d.Time-f.start > int64(t.cfg.ActiveTimeout) {
		t.finish(i, endActive)
		return true
	}
	return false
}

// begin makes a flow for its first packet.
func (t *Table) begin(d *Digest, key Key, fromB bool) int32 {
	if t.flows.used >= t.cfg.MaxFlows {
		t.evict()
	}
	i := t.flows.add(key)
	f := &t.flows.at(i).val
	f.restart(!t.cfg.IDsOnly)
	t.begun++
	f.id, f.file = t.begun, d.File
	if !t.cfg.Span {
		f.id |= int64(d.File) << 32
	}
	f.fromB, f.etherType = fromB, d.EtherType
	f.icmpType, f.icmpCode = d.ICMPType, d.ICMPCode
	f.srcMAC, f.dstMAC = d.SrcMAC, d.DstMAC
	f.portless = !hasHeader(d) && key.PortA == 0 && key.PortB == 0
	src, dst, dstPort := d.Src, d.Dst, d.DstPort
	if answers(d) {
		f.fromB = !fromB
		f.srcMAC, f.dstMAC = d.DstMAC, d.SrcMAC
		src, dst, dstPort = d.Dst, d.Src, d.SrcPort
		if f.record != nil {
			f.history[0], f.historyLen = '^', 1
		}
	}
	t.stats.Flows++
	if !t.cfg.IDsOnly {
		t.windows.advance(t.now)
		t.lookBack(d, f, hostKeyOf(src), hostKeyOf(dst), dstPort)
	}
	f.touched = t.now
	t.flows.push(&t.open, i)
	if t.earlyRows != nil && t.cfg.EarlyTime > 0 {
		t.await(i)
	}
	return i
}

// hasHeader reports whether the packet's transport header was read: a later
// fragment has none, and others may have been cut off.
func hasHeader(d *Digest) bool {
	return d.FragOffset == 0 && (d.HeaderLen > 0 || !hasPorts(d.Proto))
}

// answers reports whether a packet that is the first of its flow shows that
// the other side began: a SYN with ACK, or an ICMP answer.
func answers(d *Digest) bool {
	switch {
	case !hasHeader(d) || d.EtherType == etherARP:
		return false
	case d.Proto == protoTCP:
		return d.TCPFlags&(flagSYN|flagACK|flagRST|flagFIN) == flagSYN|flagACK
	case d.Proto == protoICMP || d.Proto == protoICMPv6:
		return icmpAnswers(d.Proto, d.ICMPType)
	}
	return false
}

// lookBack fills what the past says of a flow that begins, then makes the
// flow a part of the past of later ones.
func (t *Table) lookBack(d *Digest, f *flowState, src, dst hostKey, port uint16) {
	proto := d.Proto
	switch {
	case d.EtherType == etherARP:
		proto, port = 0, 0
	case d.FragOffset > 0 || !hasPorts(d.Proto):
		port = 0
	}
	if proto == protoICMP || proto == protoICMPv6 {
		port = uint16(d.ICMPType)
	}
	f.host = [2]ref{t.windows.host(src), t.windows.host(dst)}
	t.windows.look(f.host[fwd], f.host[bwd], t.windows.host(macKey(f.srcMAC)), &f.past)
	f.arp.srcClaims, f.arp.dstClaims = t.claims.of(src), t.claims.of(dst)
	syn := proto == protoTCP && d.TCPFlags&flagSYN != 0
	t.windows.begin(f, proto, port, syn, t.now)
	f.service = t.services.find(serviceKey{
		src: src.addr, dst: dst.addr, port: port, proto: proto, family: dst.family,
	})
	t.services.begin(f.service, t.now, &f.serv)
	t.windows.add(event{time: t.now, kind: evService, a: f.service})
}

// remember makes a packet a part of the past of later flows.
func (t *Table) remember(d *Digest, f *flowState, dir int) {
	t.windows.addBytes(f.host[dir], f.host[1-dir], d.WireLen, t.now)
	if s := t.services.store.get(f.service); s != nil {
		s.bytes += uint64(d.WireLen)
		if d.DNSNameLen > 0 {
			s.dnsNames++
			s.dnsLength += uint64(d.DNSNameLen)
		}
	}
	if dir == bwd && !f.answered {
		f.answered = true
		t.windows.add(event{time: t.now, kind: evAnswered, a: f.host[fwd], b: f.host[bwd]})
	}
	if f.rejected && !f.rejectCounted {
		f.rejectCounted = true
		t.windows.add(event{time: t.now, kind: evRejected, a: f.host[fwd], b: f.host[bwd]})
	}
	if d.EtherType == etherARP {
		t.rememberARP(d, f, dir)
	}
}

func (t *Table) rememberARP(d *Digest, f *flowState, dir int) {
	sender, target := hostKeyOf(d.Src), hostKeyOf(d.Dst)
	if !d.Src.IsUnspecified() {
		t.claims.claim(sender, d.SrcMAC)
	}
	claims := [2]uint8{t.claims.of(sender), t.claims.of(target)}
	f.arp.srcClaims, f.arp.dstClaims = claims[dir], claims[1-dir]
	e := event{time: t.now, kind: evARPRequest, a: t.windows.host(macKey(d.SrcMAC))}
	switch d.ARPOp {
	case 1:
	case 2:
		e.kind = evARPReply
	default:
		return
	}
	t.windows.add(e)
}

// relist puts a flow that had a packet at the newest end of its list.
func (t *Table) relist(i int32) {
	f := &t.flows.at(i).val
	f.touched = t.now
	switch {
	case f.closed == f.inClosed:
		t.flows.touch(t.listOf(f), i)
	default:
		t.flows.unlink(&t.open, i)
		f.inClosed = true
		t.flows.push(&t.closed, i)
	}
}

func (t *Table) listOf(f *flowState) *list {
	if f.inClosed {
		return &t.closed
	}
	return &t.open
}

// expire ends the flows whose time is over before now for the reason r, in
// the order in which it was over, and makes the early rows that are due before.
func (t *Table) expire(now int64, r endReason) {
	for {
		i, deadline := t.nextDeadline()
		if t.earlyRows != nil {
			if e, due := t.nextEarly(); e != 0 && due < now && due <= deadline {
				t.early(e)
				continue
			}
		}
		if i == 0 || deadline >= now {
			return
		}
		t.finish(i, r)
	}
}

// nextDeadline gives the flow that ends next if nothing comes: the earlier of
// the two lists' oldest, and of those that end together the one begun first.
func (t *Table) nextDeadline() (i int32, deadline int64) {
	i = t.open.oldest
	c := t.closed.oldest
	if i == 0 && c == 0 {
		return 0, 0
	}
	if i == 0 {
		return c, t.flows.at(c).val.touched + int64(t.cfg.Linger)
	}
	f := &t.flows.at(i).val
	deadline = f.touched + int64(t.cfg.IdleTimeout)
	if c != 0 {
		g := &t.flows.at(c).val
		if d := g.touched + int64(t.cfg.Linger); d < deadline || d == deadline && g.id < f.id {
			return c, d
		}
	}
	return i, deadline
}

// evict ends a flow to make room: the oldest of the closed ones, which lose
// nothing by it, else the one that was silent longest.
func (t *Table) evict() {
	if t.closed.oldest != 0 {
		t.finish(t.closed.oldest, endEvicted)
		return
	}
	t.finish(t.open.oldest, endEvicted)
}

// finish makes a flow's row and frees it. A TCP flow that is over keeps the
// reason for which it is.
func (t *Table) finish(i int32, r endReason) {
	f := &t.flows.at(i).val
	if f.closed {
		r = f.reason
	}
	t.stats.Ended[r]++
	if t.rows != nil {
		t.row(t.rows, i, r)
	}
	if t.earlyRows != nil && !f.early {
		t.row(t.earlyRows, i, r)
	}
	t.flows.unlink(t.listOf(f), i)
	t.flows.remove(i)
}

func (t *Table) row(o *output, i int32, reason endReason) {
	n := t.flows.at(i)
	if err := o.add(&n.key, &n.val, reason); err != nil && t.err == nil {
		t.err = err
	}
}

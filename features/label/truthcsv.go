package label

import (
	"fmt"
	"net"

	"github.com/pcapline/pcapline/transform/schema"
)

// loadTruth reads the form in which the lab recorder writes its truth: a row
// per attack with file, start, end (epoch seconds UTC), src, dst, proto,
// sport, dport, src_mac, label, category; empty or * is any. The row labelled
// benign is the span of the recording, in which everything else is benign.
//
// Both directions of a conversation belong to the label, but for rows with
// proto arp: they are about the frames that src_mac sent. An ARP request to
// the attacker from a host that it had talked to before is not an attack.
func loadTruth(t *table) ([]Rule, error) {
	rules := make([]Rule, len(t.rows))
	for i := range t.rows {
		r, err := truthRow(t, i)
		if err == nil {
			err = r.check()
		}
		if err != nil {
			return nil, t.error(i, err)
		}
		r.ID = lineID(t.file, t.lines[i])
		rules[i] = r
	}
	return rules, nil
}

func truthRow(t *table, i int) (r Rule, err error) {
	r = NewRule()
	r.File, r.Label, r.Category, r.Class = t.cell(i, "file"), t.cell(i, "label"), t.cell(i, "category"), Attack
	if r.Label == "benign" {
		r.Class, r.Priority = Benign, benignPriority
	}
	if r.From, err = ParseEpoch(t.cell(i, "start")); err != nil {
		return r, err
	}
	if r.To, err = ParseEpoch(t.cell(i, "end")); err != nil {
		return r, err
	}
	if r.Src, err = ParsePrefixes(t.cell(i, "src")); err != nil {
		return r, err
	}
	if r.Dst, err = ParsePrefixes(t.cell(i, "dst")); err != nil {
		return r, err
	}
	if r.SrcPorts, err = ParsePorts(t.cell(i, "sport")); err != nil {
		return r, err
	}
	if r.DstPorts, err = ParsePorts(t.cell(i, "dport")); err != nil {
		return r, err
	}
	if r.SrcMAC, err = parseMAC(t.cell(i, "src_mac")); err != nil {
		return r, err
	}
	if r.Proto, err = ParseProto(t.cell(i, "proto")); err != nil {
		return r, err
	}
	if r.Proto == ARP {
		r.Dir = Forward
	}
	return r, nil
}

func parseMAC(s string) (m schema.MAC, err error) {
	if s == "" || s == "*" {
		return m, nil
	}
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(m) {
		return m, fmt.Errorf("%q is not a MAC address", s)
	}
	return schema.MAC(hw), nil
}

package flow

// Mark is what an annotator found in a packet itself, where the packets
// table has no column for it, for the flow to carry.
type Mark struct {
	Bits uint64 // one a property; a flow has those of all its packets
	Note uint32 // number of a remark, 0 without; a flow has that of its first packet that has one
}

// NotesDiffer is the bit of a flow whose packets have different notes.
const NotesDiffer = 1 << 63

// add joins the mark of a flow's next packet to the flow's.
func (m *Mark) add(p Mark) {
	m.Bits |= p.Bits
	switch {
	case m.Note == 0:
		m.Note = p.Note
	case p.Note != 0 && p.Note != m.Note:
		m.Bits |= NotesDiffer
	}
}

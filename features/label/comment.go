package label

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// commentText is what label_rule and label_source say of rows that their
// pcapng comment labels.
var commentText = schema.Text("pcapng comment")

// maxNotes bounds how many different labels comments may have.
const maxNotes = 1 << 16

// note is a label that was found in comments.
type note struct {
	label schema.Text
	class Class
}

// notes numbers the labels found in comments, for all clones.
type notes struct {
	mu   sync.RWMutex
	ids  map[string]uint32
	list []note
	odd  atomic.Int64 // comments that are not in pcapml's form
}

func (n *notes) init() {
	n.ids, n.list = map[string]uint32{}, []note{{}}
}

func (n *notes) get(id uint32) note {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.list[id]
}

func (n *notes) id(label string) (uint32, error) {
	n.mu.RLock()
	id, known := n.ids[label]
	n.mu.RUnlock()
	if known {
		return id, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if id, known := n.ids[label]; known {
		return id, nil
	}
	if len(n.list) > maxNotes {
		return 0, errTooManyLabels
	}
	id = uint32(len(n.list))
	label = strings.Clone(label)
	n.ids[label] = id
	n.list = append(n.list, note{schema.Text(label), classOfName(label)})
	return id, nil
}

// commentLabel reads the label in a packet's comment, in the form of pcapml
// (Holland et al., "New Directions in Automated Traffic Analysis", CCS 2021):
// sample_id,label[,key=value]…, the sample's id without blanks. Of several
// comments the first in this form counts.
func commentLabel(comment string) (string, bool) {
	for line := range strings.SplitSeq(comment, "\n") {
		id, rest, ok := strings.Cut(line, ",")
		if !ok || id == "" || strings.ContainsAny(id, " \t") {
			continue
		}
		label, _, _ := strings.Cut(rest, ",")
		if label = strings.TrimSpace(label); label != "" && !strings.Contains(label, "=") {
			return label, true
		}
	}
	return "", false
}

// marker looks at packets for one annotator.
type marker struct {
	shared   *shared
	programs map[pcapio.LinkType][]*filter.Program // by filter
}

// Marks reports whether packets are to be looked at: for pcap filters, or for
// their comments.
func (a *Annotator) Marks() bool {
	return len(a.shared.set.filters) > 0 || a.shared.rules.Comments
}

// Mark runs the filters of the rules about the capture and reads the comment.
func (a *Annotator) Mark(p *pcapio.Packet, file int32) (m flow.Mark) {
	s := a.shared
	if int(file) < len(s.files) && s.files[file].filters != 0 {
		for i, prog := range a.marker.compiled(p.LinkType) {
			if prog != nil && s.files[file].filters&(1<<i) != 0 && prog.Match(p.Data, int(p.WireLen)) {
				m.Bits |= 1 << i
			}
		}
	}
	if !s.rules.Comments || p.Comment == "" {
		return m
	}
	label, ok := commentLabel(p.Comment)
	if !ok {
		s.notes.odd.Add(1)
		return m
	}
	id, err := s.notes.id(label)
	if err != nil {
		s.fail(err)
	}
	m.Note = id
	return m
}

// compiled gives the filters for a link type; one that makes no sense there
// matches nothing, and is an error of the annotator.
func (m *marker) compiled(link pcapio.LinkType) []*filter.Program {
	if progs, known := m.programs[link]; known {
		return progs
	}
	if m.programs == nil {
		m.programs = make(map[pcapio.LinkType][]*filter.Program)
	}
	var progs []*filter.Program
	for _, text := range m.shared.set.filters {
		p, err := filter.Compile(text, filter.Options{LinkType: link, Lookup: noLookup})
		if err != nil {
			m.shared.fail(errors.Join(fmt.Errorf("label: link type %d", link), err))
		}
		progs = append(progs, p)
	}
	m.programs[link] = progs
	return progs
}

package layer

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/pcapline/pcapline/transform/schema"
)

// dispatch finds protocols by key. It is built from the list and read only.
type dispatch struct {
	index [registries]*[1 << 16]uint8 // place in the list, plus 1; nil: no keys
}

func newDispatch(list []Protocol) *dispatch {
	t := new(dispatch)
	for i, p := range list {
		for _, k := range p.Reached() {
			reg := &t.index[k>>16]
			if *reg == nil {
				*reg = new([1 << 16]uint8)
			}
			if at := &(*reg)[uint16(k)]; *at == 0 {
				*at = uint8(i + 1)
			} else {
				panic(fmt.Sprintf("layer: key %#x leads to two protocols", uint32(k)))
			}
		}
	}
	return t
}

// find returns the place of the protocol in the list, and whether there is one.
func (t *dispatch) find(k Key) (int, bool) {
	reg := t.index[k>>16]
	if reg == nil {
		return 0, false
	}
	i := reg[uint16(k)]
	return int(i) - 1, i > 0
}

// levels gives for each place in the list the protocol that a header fills:
// outside of tunnels, in one, and in a tunnel in a tunnel, where those that
// have inner columns have none left.
func levels(list, inside, again []Protocol) [3][]Protocol {
	out := [3][]Protocol{list, slices.Clone(list), slices.Clone(list)}
	for _, p := range inside {
		i := slices.IndexFunc(list, func(q Protocol) bool { return reflect.TypeOf(q) == reflect.TypeOf(p) })
		out[1][i], out[2][i] = p, again[i]
	}
	return out
}

// names lists the layers' names, in the order of the list.
func names(list []Protocol) []string {
	out := make([]string, len(list))
	for i, p := range list {
		t := reflect.TypeOf(p).Elem()
		f, ok := t.FieldByName("Layer")
		if !ok || f.Type != reflect.TypeFor[schema.Layer]() {
			panic(fmt.Sprintf("layer: %s has no schema.Layer", t))
		}
		out[i] = f.Tag.Get("name")
	}
	return out
}

// columnsOf gives the list as schema.Of takes it.
func columnsOf(list []Protocol) []any {
	out := make([]any, len(list))
	for i, p := range list {
		out[i] = p
	}
	return out
}

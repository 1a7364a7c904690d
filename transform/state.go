package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/sink"
)

// stateNote is what a saved flow state says beside the flows: the captures
// that file_id has counted so far.
type stateNote struct {
	Inputs []Input `json:"inputs"`
}

// restoreFlows makes the flow table of a run: a new one, or the one that an
// earlier run saved, and the captures of the earlier runs.
func restoreFlows(path string, cfg flow.Config) (*flow.Table, []Input, error) {
	if path == "" {
		return flow.NewTable(cfg), nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	t, note, err := flow.Restore(bytes.NewReader(data), cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	earlier, err := earlierInputs(path, note)
	return t, earlier, err
}

func earlierInputs(path string, note []byte) ([]Input, error) {
	var n stateNote
	if err := json.Unmarshal(note, &n); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, flow.ErrState, err)
	}
	return n.Inputs, nil
}

// saveState writes the flows that are still open, for the next run.
func (r *runner) saveState() error {
	inputs := r.allInputs()
	if r.opt.Rebase {
		inputs = inputs[r.flows.tracker.Rebase():]
	}
	note, err := json.Marshal(stateNote{inputs})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := r.flows.tracker.Save(&b, note); err != nil {
		return err
	}
	return sink.WriteFile(r.opt.SaveState, b.Bytes())
}

// CaptureNames names the captures that the file_id columns of a run with
// these options count: those of earlier runs whose state it loads, then its
// own, or those of all shards.
func (opt Options) CaptureNames() ([]string, error) {
	if len(opt.FromDigests) > 0 {
		shards, err := openShards(opt.FromDigests)
		if err != nil {
			return nil, err
		}
		defer closeShards(shards)
		return shards[0].header.Captures, nil
	}
	var names []string
	earlier, err := opt.EarlierInputs()
	if err != nil {
		return nil, err
	}
	for _, in := range earlier {
		names = append(names, in.File)
	}
	return append(names, opt.inputNames()...), nil
}

// EarlierInputs lists the captures of earlier runs that the file_id columns
// count before those of a run with these options: those of the state that it
// loads.
func (opt Options) EarlierInputs() ([]Input, error) {
	if opt.LoadState == "" {
		return nil, nil
	}
	f, err := os.Open(opt.LoadState)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	note, err := flow.ReadNote(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", opt.LoadState, err)
	}
	return earlierInputs(opt.LoadState, note)
}

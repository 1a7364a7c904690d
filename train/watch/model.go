package watch

import (
	"fmt"
	"os"

	"github.com/pcapline/pcapline/train"
)

// loadModel reads the model's file.
func loadModel(opt Options) (*train.Model, os.FileInfo, error) {
	info, err := os.Stat(opt.Model)
	if err != nil {
		return nil, nil, err
	}
	m, err := train.LoadModel(opt.Model)
	return m, info, err
}

// use scores with a model from now on. It refuses one of another schema.
func (w *Watcher) use(m *train.Model, info os.FileInfo) error {
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	if w.opt.Threshold > 0 {
		m.Threshold.Value = float32(w.opt.Threshold)
	}
	scorer, err := train.NewScorer(m, w.maker.schema())
	if err != nil {
		return fmt.Errorf("%s: %w", w.opt.Model, err)
	}
	w.explainer = nil
	if w.opt.Features > 0 && m.Reference != nil {
		if w.explainer, err = train.NewExplainer(m); err != nil {
			return fmt.Errorf("%s: %w", w.opt.Model, err)
		}
	}
	w.model, w.digest, w.loaded = m, digest, info
	w.scorer, w.source, w.drift = scorer, nil, train.NewDrift(m)
	w.stats.Model, w.stats.Threshold, w.stats.Columns = digest, float64(m.Threshold.Value), m.Columns
	w.stats.PSI = nil
	return nil
}

// reload takes another model when the file was replaced. The flows go on, so
// it must want them as they are; one that cannot be taken is said once, and the
// old one stays.
func (w *Watcher) reload() error {
	info, err := os.Stat(w.opt.Model)
	if err != nil || sameFile(info, w.loaded) || w.refused != nil && sameFile(info, w.refused) {
		return nil //nolint:nilerr // it is away while it is being replaced
	}
	m, info, err := loadModel(w.opt)
	if err == nil {
		err = w.fits(m)
	}
	if err == nil {
		if err := w.checkpoint(); err != nil { // a table holds the scores of one model
			return err
		}
		err = w.use(m, info)
	}
	if err != nil {
		w.stats.ReloadsRefused++
		w.refused = info
		w.warn("the new model is not taken; the old one goes on", "model", w.opt.Model, "error", err)
		return nil
	}
	w.stats.Reloads++
	w.refused = nil
	w.opt.Log.Info("model replaced", "model", w.opt.Model, "sha256", w.digest)
	return nil
}

func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// fits refuses a model of other rows than those that are being made.
func (w *Watcher) fits(m *train.Model) error {
	other, err := newMaker(m, w.deliver)
	if err != nil {
		return err
	}
	if m.Table != w.model.Table {
		return fmt.Errorf("it scores a %s table, the one in use a %s table; start anew to change over", m.Table, w.model.Table)
	}
	if got, want := other.cfg.Settings(), w.maker.cfg.Settings(); got != want {
		return fmt.Errorf("it wants flows made with the settings %s, those in use were made with %s; start anew to change over", got, want)
	}
	_, err = train.NewScorer(m, w.maker.schema())
	return err
}

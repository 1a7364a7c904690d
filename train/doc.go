// Package train learns a detector from features and judges it.
//
// [Fit] trains a multi-layer perceptron on the training rows of a [Data] and
// stops by its validation rows; the threshold at which a row is called an
// attack is chosen on validation rows too. The result is a [Model]: one file
// that holds everything needed to score, see [LoadModel] for its format.
// [Model.Score] is plain Go, safe for concurrent use, and gives a row the
// same bits whatever rows come with it. [Evaluate] puts the model beside the
// baselines of package baseline on rows that neither has seen.
//
//	data ─► Fit ─► Model ─► Save … LoadModel ─► Score
//	                  └──► Evaluate ─► Report
//
// [Config] says what network to train and how, from Go, YAML or JSON.
// [FitFrom] keeps [Checkpoints]: a training that was stopped goes on to the
// model that it would have become.
//
// Data that would take more than the configuration's memory come as a
// [Stream], to [FitStream]. In memory an epoch has the rows in an order drawn
// from all orders. Streamed, it has the chunks (row groups) in a drawn order,
// four read side by side, and their rows pass a buffer of a quarter of the
// memory, which they leave at random: rows far apart in such an order meet in
// no batch, so that where classes lie in long stretches the loss is noisier.
// Nothing else differs: validation sees every row, and a model that was
// streamed is scored, verified and resumed as any other.
//
// [SearchSpace] and [RunSearch] compare configurations before one is trained,
// over folds and seeds, on validation rows.
//
// One of the classes is benign; the attack score of a row is 1 − P(benign).
// With two classes the network has one output, with more it has one for each,
// unless the configuration's target is binary.
//
// The same data, configuration and kernel on the same architecture give the
// same model file, byte for byte, for any number of processors. Kernels
// differ in the last bits; the model names its own.
package train

#include "textflag.h"

// The two variants of the tile differ in how they read and write columns.
// DI: the tile. R8..R11: rows of A. R12: offset in a row of A. AX: its step.
// BX: row of B. CX: its step. DX: products left. Y0..Y7: four rows of sixteen
// sums. Y14, Y15: the mask.

#define LOAD_TILE \
	MOVQ t+0(FP), DI;   \
	MOVQ 0(DI), R8;     \
	MOVQ 8(DI), R9;     \
	MOVQ 16(DI), R10;   \
	MOVQ 24(DI), R11;   \
	MOVQ 32(DI), AX;    \
	MOVQ 40(DI), BX;    \
	MOVQ 48(DI), CX;    \
	MOVQ 56(DI), DX;    \
	MOVQ 96(DI), SI;    \
	XORQ R12, R12;      \
	VXORPS Y0, Y0, Y0;  \
	VXORPS Y1, Y1, Y1;  \
	TESTQ SI, SI

#define COPY_INIT \
	VMOVAPS Y0, Y2; \
	VMOVAPS Y1, Y3; \
	VMOVAPS Y0, Y4; \
	VMOVAPS Y1, Y5; \
	VMOVAPS Y0, Y6; \
	VMOVAPS Y1, Y7

#define PRODUCTS \
	VBROADCASTSS (R8)(R12*1), Y10;  \
	VBROADCASTSS (R9)(R12*1), Y11;  \
	VFMADD231PS Y8, Y10, Y0;        \
	VFMADD231PS Y9, Y10, Y1;        \
	VBROADCASTSS (R10)(R12*1), Y12; \
	VFMADD231PS Y8, Y11, Y2;        \
	VFMADD231PS Y9, Y11, Y3;        \
	VBROADCASTSS (R11)(R12*1), Y13; \
	VFMADD231PS Y8, Y12, Y4;        \
	VFMADD231PS Y9, Y12, Y5;        \
	VFMADD231PS Y8, Y13, Y6;        \
	VFMADD231PS Y9, Y13, Y7;        \
	ADDQ AX, R12;                   \
	ADDQ CX, BX

// VMAXPS returns its second source when one is NaN; that is the sum here.
#define CLAMP \
	VXORPS Y8, Y8, Y8; \
	VMAXPS Y0, Y8, Y0; \
	VMAXPS Y1, Y8, Y1; \
	VMAXPS Y2, Y8, Y2; \
	VMAXPS Y3, Y8, Y3; \
	VMAXPS Y4, Y8, Y4; \
	VMAXPS Y5, Y8, Y5; \
	VMAXPS Y6, Y8, Y6; \
	VMAXPS Y7, Y8, Y7

#define LOAD_C \
	MOVQ 64(DI), R8;  \
	MOVQ 72(DI), R9;  \
	MOVQ 80(DI), R10; \
	MOVQ 88(DI), R11

// func gemmTile(t *tile)
TEXT ·gemmTile(SB), NOSPLIT, $0-8
	LOAD_TILE
	JZ   begin
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
begin:
	COPY_INIT
loop:
	VMOVUPS (BX), Y8
	VMOVUPS 32(BX), Y9
	PRODUCTS
	DECQ DX
	JNZ  loop
	CMPQ 104(DI), $0
	JEQ  store
	CLAMP
store:
	LOAD_C
	VMOVUPS Y0, (R8)
	VMOVUPS Y1, 32(R8)
	VMOVUPS Y2, (R9)
	VMOVUPS Y3, 32(R9)
	VMOVUPS Y4, (R10)
	VMOVUPS Y5, 32(R10)
	VMOVUPS Y6, (R11)
	VMOVUPS Y7, 32(R11)
	VZEROUPPER
	RET

// func gemmTileMasked(t *tile)
TEXT ·gemmTileMasked(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), DI
	MOVQ 112(DI), SI
	VMOVUPS (SI), Y14
	VMOVUPS 32(SI), Y15
	LOAD_TILE
	JZ   begin
	VMASKMOVPS (SI), Y14, Y0
	VMASKMOVPS 32(SI), Y15, Y1
begin:
	COPY_INIT
loop:
	VMASKMOVPS (BX), Y14, Y8
	VMASKMOVPS 32(BX), Y15, Y9
	PRODUCTS
	DECQ DX
	JNZ  loop
	CMPQ 104(DI), $0
	JEQ  store
	CLAMP
store:
	LOAD_C
	VMASKMOVPS Y0, Y14, (R8)
	VMASKMOVPS Y1, Y15, 32(R8)
	VMASKMOVPS Y2, Y14, (R9)
	VMASKMOVPS Y3, Y15, 32(R9)
	VMASKMOVPS Y4, Y14, (R10)
	VMASKMOVPS Y5, Y15, 32(R10)
	VMASKMOVPS Y6, Y14, (R11)
	VMASKMOVPS Y7, Y15, 32(R11)
	VZEROUPPER
	RET

// SUM8 adds the eight lanes of y into the lowest of x, x being y's low half.
#define SUM8(y, x, t) \
	VEXTRACTF128 $1, y, t; \
	VADDPS t, x, x;        \
	VMOVHLPS x, x, t;      \
	VADDPS t, x, x;        \
	VMOVSHDUP x, t;        \
	VADDSS t, x, x

// func dot4(sum *[4]float32, a *[4]*float32, b *float32, blocks int, mask *[8]int32)
TEXT ·dot4(SB), NOSPLIT, $0-40
	MOVQ sum+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), BX
	MOVQ blocks+24(FP), DX
	MOVQ mask+32(FP), CX
	MOVQ 0(SI), R8
	MOVQ 8(SI), R9
	MOVQ 16(SI), R10
	MOVQ 24(SI), R11
	VMOVUPS (CX), Y14
	XORQ R12, R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	TESTQ DX, DX
	JZ   tail
loop:
	VMOVUPS (BX)(R12*1), Y8
	VFMADD231PS (R8)(R12*1), Y8, Y0
	VFMADD231PS (R9)(R12*1), Y8, Y1
	VFMADD231PS (R10)(R12*1), Y8, Y2
	VFMADD231PS (R11)(R12*1), Y8, Y3
	ADDQ $32, R12
	DECQ DX
	JNZ  loop
tail:
	VMASKMOVPS (BX)(R12*1), Y14, Y8
	VMASKMOVPS (R8)(R12*1), Y14, Y9
	VMASKMOVPS (R9)(R12*1), Y14, Y10
	VMASKMOVPS (R10)(R12*1), Y14, Y11
	VMASKMOVPS (R11)(R12*1), Y14, Y12
	VFMADD231PS Y9, Y8, Y0
	VFMADD231PS Y10, Y8, Y1
	VFMADD231PS Y11, Y8, Y2
	VFMADD231PS Y12, Y8, Y3
	SUM8(Y0, X0, X8)
	SUM8(Y1, X1, X9)
	SUM8(Y2, X2, X10)
	SUM8(Y3, X3, X11)
	VMOVSS X0, (DI)
	VMOVSS X1, 4(DI)
	VMOVSS X2, 8(DI)
	VMOVSS X3, 12(DI)
	VZEROUPPER
	RET

// func adamAVX(w, grad, m, v *float32, blocks int, s *AdamStep)
TEXT ·adamAVX(SB), NOSPLIT, $0-48
	MOVQ w+0(FP), R8
	MOVQ grad+8(FP), R9
	MOVQ m+16(FP), R10
	MOVQ v+24(FP), R11
	MOVQ blocks+32(FP), DX
	MOVQ s+40(FP), SI
	VBROADCASTSS 0(SI), Y7
	VBROADCASTSS 4(SI), Y8
	VBROADCASTSS 8(SI), Y9
	VBROADCASTSS 12(SI), Y10
	VBROADCASTSS 16(SI), Y11
	VBROADCASTSS 20(SI), Y12
	VBROADCASTSS 24(SI), Y13
	VBROADCASTSS 28(SI), Y14
	VBROADCASTSS 32(SI), Y15
	XORQ R12, R12
loop:
	VMOVUPS (R8)(R12*1), Y0
	VMULPS Y0, Y14, Y1
	VADDPS (R9)(R12*1), Y1, Y1 // g + L2·w
	VMULPS (R10)(R12*1), Y7, Y2
	VMULPS Y1, Y8, Y3
	VADDPS Y3, Y2, Y2          // m
	VMOVUPS Y2, (R10)(R12*1)
	VMULPS Y1, Y1, Y4
	VMULPS Y4, Y10, Y4
	VMULPS (R11)(R12*1), Y9, Y5
	VADDPS Y4, Y5, Y5          // v
	VMOVUPS Y5, (R11)(R12*1)
	VSQRTPS Y5, Y5
	VDIVPS Y12, Y5, Y5         // √v / correction
	VADDPS Y13, Y5, Y5
	VMULPS Y2, Y11, Y2
	VDIVPS Y5, Y2, Y2
	VMULPS Y0, Y15, Y0
	VSUBPS Y2, Y0, Y0
	VMOVUPS Y0, (R8)(R12*1)
	ADDQ $32, R12
	DECQ DX
	JNZ  loop
	VZEROUPPER
	RET

// func reluSumAVX(dz, db, dy, y *float32, blocks int)
TEXT ·reluSumAVX(SB), NOSPLIT, $0-40
	MOVQ dz+0(FP), R8
	MOVQ db+8(FP), R9
	MOVQ dy+16(FP), R10
	MOVQ y+24(FP), R11
	MOVQ blocks+32(FP), DX
	XORQ R12, R12
	VXORPS Y3, Y3, Y3
loop:
	VCMPPS $1, (R11)(R12*1), Y3, Y0 // 0 < y; false for NaN
	VANDPS (R10)(R12*1), Y0, Y0
	VMOVUPS Y0, (R8)(R12*1)
	VADDPS (R9)(R12*1), Y0, Y1
	VMOVUPS Y1, (R9)(R12*1)
	ADDQ $32, R12
	DECQ DX
	JNZ  loop
	VZEROUPPER
	RET

DATA exponent<>+0(SB)/4, $0x7f800000
GLOBL exponent<>(SB), RODATA|NOPTR, $4

// func finiteAVX(x *float32, blocks int) bool
TEXT ·finiteAVX(SB), NOSPLIT, $0-17
	MOVQ x+0(FP), R8
	MOVQ blocks+8(FP), DX
	VPBROADCASTD exponent<>(SB), Y2
	VPXOR Y1, Y1, Y1
loop:
	VPAND (R8), Y2, Y0
	VPCMPEQD Y2, Y0, Y0
	VPOR Y0, Y1, Y1
	ADDQ $32, R8
	DECQ DX
	JNZ  loop
	VPTEST Y1, Y1
	SETEQ ret+16(FP)
	VZEROUPPER
	RET

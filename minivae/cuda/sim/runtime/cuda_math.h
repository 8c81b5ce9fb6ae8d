// The arithmetic that CUDA has without a header. The faster, less exact functions (__expf ...) are the exact ones here.
#pragma once

// name(float), name(double), and namef(float), which libm has; for whole numbers there is none, as with NVRTC
#define __SIM_ONE(name, result_f, result_d) \
  extern "C" result_d name(double);         \
  extern "C" result_f name##f(float);       \
  __sim_inline result_f name(float x) { return name##f(x); }
#define __SIM_F(name) __SIM_ONE(name, float, double)
__SIM_F(exp) __SIM_F(exp2) __SIM_F(expm1) __SIM_F(log) __SIM_F(log2) __SIM_F(log10) __SIM_F(log1p) __SIM_F(logb)
__SIM_F(sqrt) __SIM_F(cbrt) __SIM_F(sin) __SIM_F(cos) __SIM_F(tan) __SIM_F(asin) __SIM_F(acos) __SIM_F(atan)
__SIM_F(sinh) __SIM_F(cosh) __SIM_F(tanh) __SIM_F(asinh) __SIM_F(acosh) __SIM_F(atanh) __SIM_F(erf) __SIM_F(erfc)
__SIM_F(lgamma) __SIM_F(tgamma) __SIM_F(fabs) __SIM_F(floor) __SIM_F(ceil) __SIM_F(trunc) __SIM_F(round) __SIM_F(rint)
__SIM_F(nearbyint)
__SIM_ONE(lrint, long, long) __SIM_ONE(lround, long, long) __SIM_ONE(llrint, long long, long long)
__SIM_ONE(llround, long long, long long) __SIM_ONE(ilogb, int, int)
#undef __SIM_F
#undef __SIM_ONE
#define __SIM_TWO(name)                                                                                       \
  extern "C" double name(double, double);                                                                     \
  extern "C" float name##f(float, float);                                                                     \
  __sim_inline float name(float x, float y) { return name##f(x, y); }
__SIM_TWO(pow) __SIM_TWO(fmod) __SIM_TWO(remainder) __SIM_TWO(atan2) __SIM_TWO(hypot) __SIM_TWO(copysign)
__SIM_TWO(fdim) __SIM_TWO(fmax) __SIM_TWO(fmin) __SIM_TWO(nextafter)
#undef __SIM_TWO
__sim_inline float pow(float x, int y) { return powf(x, (float)y); }
__sim_inline double pow(double x, int y) { return pow(x, (double)y); }
extern "C" {
double fma(double, double, double);
float fmaf(float, float, float);
double ldexp(double, int);
float ldexpf(float, int);
double scalbn(double, int);
float scalbnf(float, int);
double frexp(double, int*);
float frexpf(float, int*);
double modf(double, double*);
float modff(float, float*);
double nan(const char*);
float nanf(const char*);
}
__sim_inline float fma(float a, float b, float c) { return fmaf(a, b, c); }
__sim_inline float ldexp(float x, int n) { return ldexpf(x, n); }

#define __SIM_ASK(name, T) __sim_inline bool name(T x) { return __builtin_##name(x) != 0; }
__SIM_ASK(isnan, float) __SIM_ASK(isnan, double) __SIM_ASK(isinf, float) __SIM_ASK(isinf, double)
__SIM_ASK(isfinite, float) __SIM_ASK(isfinite, double) __SIM_ASK(signbit, float) __SIM_ASK(signbit, double)
#undef __SIM_ASK

#define __SIM_MINMAX(A, B, C)                                        \
  __sim_inline C min(A a, B b) { return (C)b < (C)a ? (C)b : (C)a; } \
  __sim_inline C max(A a, B b) { return (C)a < (C)b ? (C)b : (C)a; }
__SIM_MINMAX(int, int, int) __SIM_MINMAX(unsigned, unsigned, unsigned)
__SIM_MINMAX(int, unsigned, unsigned) __SIM_MINMAX(unsigned, int, unsigned)
__SIM_MINMAX(long, long, long) __SIM_MINMAX(unsigned long, unsigned long, unsigned long)
__SIM_MINMAX(long, unsigned long, unsigned long) __SIM_MINMAX(unsigned long, long, unsigned long)
__SIM_MINMAX(long long, long long, long long) __SIM_MINMAX(unsigned long long, unsigned long long, unsigned long long)
__SIM_MINMAX(long long, unsigned long long, unsigned long long)
__SIM_MINMAX(unsigned long long, long long, unsigned long long)
#undef __SIM_MINMAX
__sim_inline float min(float a, float b) { return fminf(a, b); }
__sim_inline float max(float a, float b) { return fmaxf(a, b); }
__sim_inline double min(double a, double b) { return fmin(a, b); }
__sim_inline double max(double a, double b) { return fmax(a, b); }
__sim_inline double min(float a, double b) { return fmin((double)a, b); }
__sim_inline double max(float a, double b) { return fmax((double)a, b); }
__sim_inline double min(double a, float b) { return fmin(a, (double)b); }
__sim_inline double max(double a, float b) { return fmax(a, (double)b); }
__sim_inline unsigned umin(unsigned a, unsigned b) { return min(a, b); }
__sim_inline unsigned umax(unsigned a, unsigned b) { return max(a, b); }
__sim_inline long long llmin(long long a, long long b) { return min(a, b); }
__sim_inline long long llmax(long long a, long long b) { return max(a, b); }
__sim_inline int abs(int x) { return x < 0 ? (int)(0u - (unsigned)x) : x; }
__sim_inline long abs(long x) { return x < 0 ? (long)(0ul - (unsigned long)x) : x; }
__sim_inline long long abs(long long x) { return x < 0 ? (long long)(0ull - (unsigned long long)x) : x; }
__sim_inline float abs(float x) { return fabsf(x); }
__sim_inline double abs(double x) { return fabs(x); }
__sim_inline long labs(long x) { return abs(x); }
__sim_inline long long llabs(long long x) { return abs(x); }

// functions of CUDA's own
__sim_inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
__sim_inline double rsqrt(double x) { return 1.0 / sqrt(x); }
__sim_inline float rsqrt(float x) { return rsqrtf(x); }
__sim_inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
__sim_inline float rhypotf(float x, float y) { return 1.0f / hypotf(x, y); }
__sim_inline float norm3df(float x, float y, float z) {
  return (float)sqrt((double)x * x + (double)y * y + (double)z * z);
}
__sim_inline double exp10(double x) { return pow(10.0, x); }
__sim_inline float exp10f(float x) { return (float)exp10((double)x); }
__sim_inline float exp10(float x) { return exp10f(x); }
__sim_inline float sinpif(float x) { return (float)sin(3.14159265358979323846 * fmod((double)x, 2.0)); }
__sim_inline float cospif(float x) { return (float)cos(3.14159265358979323846 * fmod((double)x, 2.0)); }
#define sincosf(x, s, c) __sim_both(x, s, c, sinf, cosf)
#define sincospif(x, s, c) __sim_both(x, s, c, sinpif, cospif)
#define __sincosf(x, s, c) __sim_both(x, s, c, sinf, cosf)
#define __sim_both(x, s, c, sine, cosine)                        \
  do {                                                           \
    const float __sim_x = (x);                                   \
    *(s) = sine(__sim_x);                                        \
    *(c) = cosine(__sim_x);                                      \
  } while (0)
__sim_inline float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678118654752f); }
__sim_inline double normcdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
__sim_inline float fdividef(float a, float b) { return a / b; }
__sim_inline float __fdividef(float a, float b) { return a / b; }
__sim_inline float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }
// Macros, since the C library has functions of these very names.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __tanhf(x) tanhf(x)
#define __powf(x, y) powf(x, y)

// What these return is never contracted into an FMA, so it is hidden from the optimiser.
#if defined(__x86_64__)
#define __SIM_HIDE(r) asm("" : "+x"(r))
#elif defined(__aarch64__)
#define __SIM_HIDE(r) asm("" : "+w"(r))
#else
#define __SIM_HIDE(r) asm("" : "+m"(r))
#endif
#define __SIM_EXACT(T, name, expression) __sim_inline T name { T r = expression; __SIM_HIDE(r); return r; }
__SIM_EXACT(float, __fadd_rn(float a, float b), a + b)
__SIM_EXACT(float, __fsub_rn(float a, float b), a - b)
__SIM_EXACT(float, __fmul_rn(float a, float b), a * b)
__SIM_EXACT(float, __fdiv_rn(float a, float b), a / b)
__SIM_EXACT(float, __frcp_rn(float a), 1.0f / a)
__SIM_EXACT(float, __fsqrt_rn(float a), sqrtf(a))
__SIM_EXACT(float, __frsqrt_rn(float a), (float)(1.0 / sqrt((double)a)))
__SIM_EXACT(float, __fmaf_rn(float a, float b, float c), fmaf(a, b, c))
__SIM_EXACT(double, __dadd_rn(double a, double b), a + b)
__SIM_EXACT(double, __dsub_rn(double a, double b), a - b)
__SIM_EXACT(double, __dmul_rn(double a, double b), a * b)
__SIM_EXACT(double, __ddiv_rn(double a, double b), a / b)
__SIM_EXACT(double, __fma_rn(double a, double b, double c), fma(a, b, c))
#undef __SIM_EXACT
#undef __SIM_HIDE

// bits
#define __SIM_AS(name, From, To) __sim_inline To name(From x) { return __builtin_bit_cast(To, x); }
__SIM_AS(__float_as_int, float, int) __SIM_AS(__float_as_uint, float, unsigned) __SIM_AS(__int_as_float, int, float)
__SIM_AS(__uint_as_float, unsigned, float) __SIM_AS(__double_as_longlong, double, long long)
__SIM_AS(__longlong_as_double, long long, double)
#undef __SIM_AS
__sim_inline double __hiloint2double(int hi, int lo) {
  return __longlong_as_double((long long)hi << 32 | (unsigned)lo);
}
__sim_inline int __double2hiint(double x) { return (int)(__double_as_longlong(x) >> 32); }
__sim_inline int __double2loint(double x) { return (int)__double_as_longlong(x); }
__sim_inline int __popc(unsigned v) { return __builtin_popcount(v); }
__sim_inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
__sim_inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
__sim_inline int __clzll(long long v) { return v ? __builtin_clzll((unsigned long long)v) : 64; }
__sim_inline int __ffs(int v) { return __builtin_ffs(v); }
__sim_inline int __ffsll(long long v) { return __builtin_ffsll(v); }
__sim_inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int k = 0; k < 32; ++k) r |= (v >> k & 1u) << (31 - k);
  return r;
}
__sim_inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  const unsigned long long bytes = (unsigned long long)b << 32 | a;
  unsigned r = 0;
  for (int k = 0; k < 4; ++k) r |= (unsigned)(bytes >> 8 * (s >> 4 * k & 7u) & 0xff) << 8 * k;
  return r;
}
__sim_inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)(((unsigned long long)hi << 32 | lo) << (n & 31) >> 32);
}
__sim_inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)(((unsigned long long)hi << 32 | lo) >> (n & 31));
}
__sim_inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
__sim_inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
__sim_inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
__sim_inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
__sim_inline int __mul24(int a, int b) { return (int)((unsigned)(a << 8 >> 8) * (unsigned)(b << 8 >> 8)); }
__sim_inline unsigned __umul24(unsigned a, unsigned b) { return (a & 0xffffffu) * (b & 0xffffffu); }
__sim_inline int __hadd(int a, int b) { return (int)(((long long)a + b) >> 1); }
__sim_inline int __rhadd(int a, int b) { return (int)(((long long)a + b + 1) >> 1); }
__sim_inline unsigned __sad(int a, int b, unsigned c) { return (unsigned)llabs((long long)a - b) + c; }
__sim_inline unsigned __usad(unsigned a, unsigned b, unsigned c) { return (a < b ? b - a : a - b) + c; }

// conversions: those of a GPU stop at the ends of the range, and make 0 of NaN
__sim_inline int __sim_to_int(double x) {
  return isnan(x) ? 0 : x >= 2147483647.0 ? 2147483647 : x <= -2147483648.0 ? -2147483647 - 1 : (int)x;
}
__sim_inline unsigned __sim_to_uint(double x) {
  return !(x > 0.0) ? 0u : x >= 4294967295.0 ? 4294967295u : (unsigned)x;
}
__sim_inline int __float2int_rn(float x) { return __sim_to_int(rint((double)x)); }
__sim_inline int __float2int_rz(float x) { return __sim_to_int(trunc((double)x)); }
__sim_inline int __float2int_rd(float x) { return __sim_to_int(floor((double)x)); }
__sim_inline int __float2int_ru(float x) { return __sim_to_int(ceil((double)x)); }
__sim_inline unsigned __float2uint_rn(float x) { return __sim_to_uint(rint((double)x)); }
__sim_inline unsigned __float2uint_rz(float x) { return __sim_to_uint(trunc((double)x)); }
__sim_inline float __int2float_rn(int x) { return (float)x; }
__sim_inline float __uint2float_rn(unsigned x) { return (float)x; }
__sim_inline float __double2float_rn(double x) { return (float)x; }
__sim_inline int __double2int_rn(double x) { return __sim_to_int(rint(x)); }

// The units of a fused loop (cells.py, attention.py, layer.py), compiled. Each thread walks all steps with rows of its
// own, so that nobody waits for anybody within a loop; products are BLAS's, all else is done while it is in cache.

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/CPUBlas.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/mm.h>
#include <ATen/record_function.h>
#include <torch/custom_class.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}

namespace {

using at::Tensor;
using Narrow = at::BFloat16;
using Tensors = std::vector<Tensor>;
using Step = std::function<void(int64_t step, int64_t begin, int64_t end)>;  // of rows begin to end

// Columns of a weight that lie together once it is packed, as `brgemm` takes them, and numbers that it adds up at once.
#ifdef __AVX512F__
constexpr int64_t kColumns = 32;
#else
constexpr int64_t kColumns = 16;
#endif
template <typename E>
constexpr int64_t kPanel = std::is_same_v<E, float> ? kColumns : 64;
template <typename E>
constexpr int64_t kDepth = std::is_same_v<E, float> ? 1 : 32;
template <typename E>
constexpr int64_t kBlock = std::is_same_v<E, float> ? 1024 : 512;  // of a row, that are multiplied before the next
constexpr int64_t kRows = 64;                                      // that are multiplied at once
constexpr int64_t kMany = 4 * kRows;  // that are multiplied by one block of a weight before the next
constexpr int64_t kShare = 32;        // that a thread has at least, where the threads share them

inline int64_t up_to(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

// (T, B, F), contiguous along F.
template <typename T>
struct Rows {
  T* data;
  int64_t per_step, per_row, size;

  explicit Rows(const Tensor& tensor)
      : data(tensor.data_ptr<T>()), per_step(tensor.stride(0)), per_row(tensor.stride(1)), size(tensor.size(2)) {
    TORCH_CHECK(tensor.dim() == 3 && tensor.stride(2) == 1, "a fused loop takes (T, B, F), contiguous along F");
  }
  Rows(T* data, int64_t size) : data(data), per_step(0), per_row(size), size(size) {}
  T* at(int64_t step, int64_t row) const { return data + step * per_step + row * per_row; }
  Rows first(int64_t columns) const {
    Rows made = *this;
    made.size = columns;
    return made;
  }
  Rows from(int64_t column) const {
    Rows made = *this;
    made.data += column, made.size -= column;
    return made;
  }
};

// (F, G), contiguous along either; or one for each so many rows of a batch, (B / copies, F, G); or `packed`.
template <typename T>
struct Matrix {
  const T* data = nullptr;
  const Narrow* narrow = nullptr;  // instead, if it is of bfloat16
  bool panels = false;             // whether it is packed
  int64_t ld = 0;
  bool turned = false;                 // whether it is contiguous along F
  int64_t copies = 0, per_matrix = 0;  // 0 copies: there is one for all rows

  explicit Matrix(const Tensor& tensor, int64_t batch = 0) : panels(tensor.dim() == 4) {
    TORCH_CHECK(!panels || (std::is_same_v<T, float>), "packed weights multiply float32");
    if (tensor.scalar_type() == at::kBFloat16) {
      TORCH_CHECK(panels, "a fused loop takes weights of bfloat16 packed");
      narrow = tensor.const_data_ptr<Narrow>();
      return;
    }
    data = tensor.const_data_ptr<T>();
    if (panels) return;
    turned = tensor.stride(-1) != 1, ld = tensor.stride(turned ? -1 : -2);
    TORCH_CHECK(tensor.stride(turned ? -2 : -1) == 1, "a fused loop takes weights that are contiguous along an axis");
    if (tensor.dim() == 3) copies = batch / tensor.size(0), per_matrix = tensor.stride(0);
  }

  // From a column on, a multiple of 64 if it is packed.
  Matrix from(int64_t column, int64_t F) const {
    Matrix made = *this;
    if (narrow) {
      made.narrow += column * up_to(F, kDepth<Narrow>);
    } else {
      made.data += panels ? column * F : turned ? column * ld : column;
    }
    return made;
  }
};

inline void blas(const char* turned, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float beta,
                 float* c, int ldc) {
  const float one = 1;
  sgemm_(turned, "N", &m, &n, &k, &one, a, &lda, b, &ldb, &beta, c, &ldc);
}
inline void blas(const char* turned, int m, int n, int k, const double* a, int lda, const double* b, int ldb,
                 double beta, double* c, int ldc) {
  const double one = 1;
  dgemm_(turned, "N", &m, &n, &k, &one, a, &lda, b, &ldb, &beta, c, &ldc);
}

constexpr int64_t kFew = 16;  // rows up to which BLAS is slower than the weights can be read

// made = beta made + values weight, of N rows and some rows of the weight, which are read from end to end.
template <typename T, int N>
void few_of(const T* values, int64_t per_value, const T* weight, int64_t ld, int64_t F, int64_t begin, int64_t end,
            T beta, T* made, int64_t per_made) {
  typedef T Lanes __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
  constexpr int64_t L = 32 / sizeof(T), chains = N == 1 ? 4 : N <= 5 ? 2 : 1;  // sums that do not wait for each other
  const int64_t ahead = std::max<int64_t>(1, 4096 / sizeof(T) / F) * ld;
  for (int64_t g = begin; g < end; ++g) {
    const T* w = weight + g * ld;
    Lanes sums[N][chains] = {};
    int64_t f = 0;
    for (; f + chains * L <= F; f += chains * L) {
      __builtin_prefetch(w + f + ahead);
      for (int n = 0; n < N; ++n) {
        for (int c = 0; c < chains; ++c) {
          sums[n][c] += *reinterpret_cast<const Lanes*>(w + f + c * L) *
                        *reinterpret_cast<const Lanes*>(values + n * per_value + f + c * L);
        }
      }
    }
    for (int n = 0; n < N; ++n) {
      for (int c = 1; c < chains; ++c) sums[n][0] += sums[n][c];
      T sum = 0;
      for (int64_t l = 0; l < L; ++l) sum += sums[n][0][l];
      for (int64_t rest = f; rest < F; ++rest) sum += values[n * per_value + rest] * w[rest];
      T& place = made[n * per_made + g];
      place = beta == 0 ? sum : beta * place + sum;
    }
  }
}

// The same of any number of rows, up to N at once.
template <int N = 8, typename T>
void few_of(int64_t rows, const T* values, int64_t per_value, const T* weight, int64_t ld, int64_t F, int64_t begin,
            int64_t end, T beta, T* made, int64_t per_made) {
  for (; rows >= N; rows -= N, values += N * per_value, made += N * per_made) {
    few_of<T, N>(values, per_value, weight, ld, F, begin, end, beta, made, per_made);
  }
  if constexpr (N > 1) {
    few_of<N - 1>(rows, values, per_value, weight, ld, F, begin, end, beta, made, per_made);
  }
}

// The same of a whole weight, whose rows the threads share.
template <typename T>
void few(int64_t rows, const T* values, int64_t per_value, const T* weight, int64_t ld, int64_t F, int64_t G, T beta,
         T* made, int64_t per_made) {
  const int64_t block = std::max<int64_t>(1, 16384 / sizeof(T) / F);  // of a weight's rows, that stay in cache
  at::parallel_for(0, G, std::max<int64_t>(1, 32768 / (rows * F)), [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; g += block) {
      few_of(rows, values, per_value, weight, ld, F, g, std::min(end, g + block), beta, made, per_made);
    }
  });
}

// The nearest bfloat16, of two as near the even one; NaN stays NaN.
inline uint16_t narrow_of(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  return x != x ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

#ifdef __AVX512BF16__
inline __m256i narrow_of(const float* from) { return (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(from)); }
#endif

inline void narrow(const float* from, int64_t size, uint16_t* to) {
  int64_t n = 0;
#ifdef __AVX512BF16__
  for (; n + 16 <= size; n += 16) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + n), narrow_of(from + n));
#endif
  for (; n < size; ++n) to[n] = narrow_of(from[n]);
}

// Numbers of two rows, as pairs.
inline void narrow(const float* even, const float* odd, int64_t size, uint32_t* pairs) {
  int64_t n = 0;
#ifdef __AVX512BF16__
  for (; n + 16 <= size; n += 16) {
    const __m512i low = _mm512_cvtepu16_epi32(narrow_of(even + n)), high = _mm512_cvtepu16_epi32(narrow_of(odd + n));
    _mm512_storeu_si512(pairs + n, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }
#endif
  for (; n < size; ++n) pairs[n] = narrow_of(even[n]) | static_cast<uint32_t>(narrow_of(odd[n])) << 16;
}

// A square of 16 numbers by 16 the other way round.
inline void turn(uint32_t (&square)[16][16]) {
#ifdef __AVX512F__
  __m512i rows[16];
  for (int n = 0; n < 16; ++n) rows[n] = _mm512_loadu_si512(square[n]);
#pragma GCC unroll 4
  for (int width = 1; width < 16; width *= 2) {  // of squares beside the diagonal that change places
    int32_t low[16], high[16];
    for (int lane = 0; lane < 16; ++lane) {
      low[lane] = lane & width ? 16 + lane - width : lane;
      high[lane] = lane & width ? 16 + lane : lane + width;
    }
    const __m512i lows = _mm512_loadu_si512(low), highs = _mm512_loadu_si512(high);
#pragma GCC unroll 16
    for (int n = 0; n < 16; ++n) {
      if (n & width) continue;
      const __m512i one = rows[n], other = rows[n + width];
      rows[n] = _mm512_permutex2var_epi32(one, lows, other);
      rows[n + width] = _mm512_permutex2var_epi32(one, highs, other);
    }
  }
  for (int n = 0; n < 16; ++n) _mm512_storeu_si512(square[n], rows[n]);
#else
  for (int n = 0; n < 16; ++n) {
    for (int m = 0; m < n; ++m) std::swap(square[n][m], square[m][n]);
  }
#endif
}

// Of an even column of a matrix 16 rows at most, and of the next one, if there is one.
inline void taken(const float* even, const float* odd, int64_t rows, uint32_t* pairs) {
  if (odd) {
    narrow(even, odd, rows, pairs);
  } else {
    for (int64_t m = 0; m < rows; ++m) pairs[m] = narrow_of(even[m]);
  }
}

// Rows of a matrix, (rows, size), contiguous along either, as they are multiplied: (rows, padded), zero behind the
// last.
template <typename E>
void take(const float* from, int64_t per_row, int64_t per_column, int64_t rows, int64_t size, int64_t padded, E* to) {
  constexpr bool wide = std::is_same_v<E, float>;
  constexpr int64_t together = wide ? 1 : 2, most = 16 * together;
  if (per_column == 1) {
    for (int64_t r = 0; r < rows; ++r) {
      if constexpr (wide) {
        std::copy_n(from + r * per_row, size, to + r * padded);
      } else {
        narrow(from + r * per_row, size, reinterpret_cast<uint16_t*>(to + r * padded));
      }
      std::fill(to + r * padded + size, to + (r + 1) * padded, E(0));
    }
    return;
  }
  for (int64_t c = 0; c < padded; c += most) {
    const int64_t columns = std::min(most, padded - c);
    for (int64_t r = 0; r < rows; r += 16) {
      const int64_t high = std::min<int64_t>(16, rows - r);
      uint32_t square[16][16] = {};
      for (int64_t n = 0; n < 16 && c + together * n < size; ++n) {
        const float* column = from + (c + together * n) * per_column + r * per_row;
        if constexpr (wide) {
          std::memcpy(square[n], column, high * sizeof(float));
        } else {
          taken(column, c + 2 * n + 1 < size ? column + per_column : nullptr, high, square[n]);
        }
      }
      turn(square);
      for (int64_t m = 0; m < high; ++m) std::memcpy(to + (r + m) * padded + c, square[m], columns * sizeof(E));
    }
  }
}

// A weight, (F, G), with columns that are multiplied together side by side, up to whole panels: (G / P, F, P, 1), or
// of bfloat16, as the unit for it reads it, (G / 64, F / 2, 64, 2).
template <typename E>
Tensor packed_as(const Tensor& weight) {
  constexpr int64_t P = kPanel<E>, rows = 32, together = sizeof(float) / sizeof(E);
  const int64_t F = weight.size(0), G = weight.size(1), depth = up_to(F, kDepth<E>), panels = up_to(G, P) / P;
  Tensor made =
      at::empty({panels, depth / together, P, together}, weight.options().dtype(c10::CppTypeToScalarType<E>::value));
  if (made.numel() == 0) return made;
  const float* from = weight.const_data_ptr<float>();
  E* to = made.data_ptr<E>();
  const int64_t per_row = weight.stride(0), per_column = weight.stride(1);
  at::parallel_for(0, panels, std::max<int64_t>(1, 32768 / (depth * P)), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const float* panel = from + p * P * per_column;
      for (int64_t f = 0; f < depth; f += rows) {
        E block[rows * P] = {};
        const int64_t real = std::max<int64_t>(0, std::min(rows, F - f));
        take(panel + f * per_row, per_row, per_column, real, std::min(P, G - p * P), P, block);
        E* place = to + (p * depth + f) * P;
        if constexpr (together == 1) {
          std::copy_n(block, real * P, place);
        } else {
          const uint16_t* numbers = reinterpret_cast<const uint16_t*>(block);
          for (int64_t n = 0; n < rows; n += 2) {
            uint32_t* pairs = reinterpret_cast<uint32_t*>(place + n * P);
#pragma omp simd
            for (int64_t g = 0; g < P; ++g)
              pairs[g] = numbers[n * P + g] | static_cast<uint32_t>(numbers[(n + 1) * P + g]) << 16;
          }
        }
      }
    }
  });
  return made;
}

Tensor packed(const Tensor& given, bool narrowed) {
  TORCH_CHECK(given.scalar_type() == at::kFloat && given.dim() == 2, "a packed weight is made of (F, G) of float32");
  const Tensor weight = given.stride(0) == 1 || given.stride(1) == 1 ? given : given.contiguous();
  return narrowed ? packed_as<Narrow>(weight) : packed_as<float>(weight);
}

#if defined(CPUBLAS_BRGEMM_F32F32F32) && defined(__AVX512F__)
bool packs() { return true; }
// Whether they are faster than BLAS outside of a loop too: MKL keeps its best for Intel's processors.
bool outruns() {
  return at::globalContext().hasMKL() && at::globalContext().userEnabledMkldnn() && !__builtin_cpu_is("intel");
}
using at::native::cpublas::brgemm;
#elif defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
bool packs() { return true; }
bool outruns() { return at::globalContext().hasMKL() && !__builtin_cpu_is("intel"); }

// c = a b, added to what stands there or not: of R rows of a and a panel of 16 columns, whose sums fill the registers.
// Each loop over R is unrolled, or gcc would keep the sums in memory.
template <int R>
void brgemm_of(int64_t depth, const float* a, int64_t lda, const float* b, bool added, float* c, int64_t ldc) {
  __m256 sums[R][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    sums[r][0] = added ? _mm256_loadu_ps(c + r * ldc) : _mm256_setzero_ps();
    sums[r][1] = added ? _mm256_loadu_ps(c + r * ldc + 8) : _mm256_setzero_ps();
  }
  for (int64_t k = 0; k < depth; ++k, b += 16) {
    const __m256 low = _mm256_loadu_ps(b), high = _mm256_loadu_ps(b + 8);
    __builtin_prefetch(b + 256);
#pragma GCC unroll 6
    for (int r = 0; r < R; ++r) {
      const __m256 x = _mm256_broadcast_ss(a + r * lda + k);
      sums[r][0] = _mm256_fmadd_ps(x, low, sums[r][0]);
      sums[r][1] = _mm256_fmadd_ps(x, high, sums[r][1]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) {
    _mm256_storeu_ps(c + r * ldc, sums[r][0]);
    _mm256_storeu_ps(c + r * ldc + 8, sums[r][1]);
  }
}

// The same of 1 to R rows, and 1 to 16 columns of the panel.
template <int R = 6>
void brgemm_of(int64_t rows, int64_t columns, int64_t depth, const float* a, int64_t lda, const float* b, bool added,
               float* c, int64_t ldc) {
  if (rows < R) {
    if constexpr (R > 1) brgemm_of<R - 1>(rows, columns, depth, a, lda, b, added, c, ldc);
  } else if (columns == 16) {
    brgemm_of<R>(depth, a, lda, b, added, c, ldc);
  } else {
    float whole[R * 16] = {};
    for (int r = 0; r < R && added; ++r) std::copy_n(c + r * ldc, columns, whole + r * 16);
    brgemm_of<R>(depth, a, lda, b, added, whole, 16);
    for (int r = 0; r < R; ++r) std::copy_n(whole + r * 16, columns, c + r * ldc);
  }
}

// As oneDNN's: c, (rows, columns), of a, (rows, depth), and a panel, (depth, 16). Rows are taken in parts of one size.
void brgemm(int64_t rows, int64_t columns, int64_t depth, int64_t lda, int64_t, int64_t ldc, bool added, const float* a,
            const float* b, float* c) {
  for (int64_t parts = (rows + 5) / 6, begin = 0, size = 0; begin < rows; begin += size, --parts) {
    size = (rows - begin + parts - 1) / parts;
    brgemm_of(size, columns, depth, a + begin * lda, lda, b, added, c + begin * ldc, ldc);
  }
}
#else
bool packs() { return false; }
bool outruns() { return false; }
inline void brgemm(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, const float*, const float*, float*) {
  TORCH_CHECK(false, "there is no product of packed float32 here");
}
#endif

// Of so many rows those that are multiplied by a panel at once, while they are in cache: of few sizes where oneDNN
// makes a kernel for each.
inline int64_t next_rows(int64_t rows) {
#ifdef __AVX512F__
  return rows >= kRows ? kRows : rows >= 16 ? rows / 16 * 16 : rows;
#else
  return std::min(rows, kRows);
#endif
}

#if defined(CPUBLAS_BRGEMM_BF16BF16F32) && defined(__AVX512BF16__)  // which a processor with AMX has too
inline void release() { at::native::cpublas::brgemm_release(); }
using at::native::cpublas::brgemm;

// Whether products of bfloat16 are right: torch does not say which it has, and with what order of a panel, so one is
// made.
bool tried() {
  constexpr int64_t P = kPanel<Narrow>, depth = kDepth<Narrow>;
  Narrow values[depth] = {1, 2}, panel[depth * P] = {};
  float made[P] = {};
  for (int64_t g = 0; g < P; ++g) {
    panel[2 * g] = g;
    panel[2 * g + 1] = 1;
  }
  try {
    brgemm(1, P, depth, depth, P, P, false, values, panel, made);
    release();
  } catch (const std::exception&) {  // torch's or oneDNN's
    return false;
  }
  for (int64_t g = 0; g < P; ++g) {
    if (made[g] != g + 2) return false;
  }
  return true;
}

bool narrows() {
  if (!at::globalContext().userEnabledMkldnn()) return false;
  static const bool right = tried();
  return right;
}
#else  // a torch or a processor that has no such product
bool narrows() { return false; }
inline void release() {}
inline void brgemm(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, const Narrow*, const Narrow*, float*) {
  TORCH_CHECK(false, "there is no product of bfloat16 here");
}
#endif

// made = values weight, added to what stands there or not: of some rows, and some panels of a packed weight.
template <typename E>
void multiply(const float* values, int64_t per_row, int64_t per_column, int64_t rows, int64_t F, const E* weight,
              int64_t begin, int64_t end, bool added, float* made, int64_t per_made, int64_t G) {
  constexpr int64_t P = kPanel<E>;
  thread_local std::vector<E> block;
  const int64_t depth = up_to(F, kDepth<E>);
  const bool as_they_are = std::is_same_v<E, float> && per_column == 1;
  if (!as_they_are) block.resize(std::max<int64_t>(block.size(), std::min(rows, kMany) * std::min(depth, kBlock<E>)));
  for (int64_t r = 0; r < rows; r += kMany) {
    for (int64_t f = 0; f < depth; f += kBlock<E>) {
      const int64_t high = std::min(kMany, rows - r), wide = std::min(kBlock<E>, depth - f);
      const float* given = values + r * per_row + f * per_column;
      if (!as_they_are) take(given, per_row, per_column, high, std::min(wide, F - f), wide, block.data());
      const E* from = as_they_are ? reinterpret_cast<const E*>(given) : block.data();
      const int64_t ld = as_they_are ? per_row : wide;
      for (int64_t p = begin; p < end; ++p) {
        for (int64_t m = 0, size = 0; m < high; m += size) {
          size = next_rows(high - m);
          brgemm(size, std::min(P, G - p * P), wide, ld, P, per_made, added || f > 0, from + m * ld,
                 weight + (p * depth + f) * P, made + (r + m) * per_made + p * P);
        }
      }
    }
  }
  if constexpr (std::is_same_v<E, Narrow>) release();
}

// The same of all panels, which the threads share where there are few rows, and the rows where there are many; within a
// loop, whose threads have rows of their own, each does it alone.
template <typename E>
void multiply(const float* values, int64_t per_row, int64_t per_column, int64_t rows, int64_t F, const E* weight,
              bool added, float* made, int64_t per_made, int64_t G) {
  const int64_t panels = up_to(G, kPanel<E>) / kPanel<E>, threads = at::get_num_threads();
  if (rows < kShare * threads) {
    at::parallel_for(0, panels, std::max<int64_t>(1, 65536 / (std::max<int64_t>(1, F) * kPanel<E>)),
                     [&](int64_t begin, int64_t end) {
                       multiply(values, per_row, per_column, rows, F, weight, begin, end, added, made, per_made, G);
                     });
    return;
  }
  const int64_t grain = up_to((rows + threads - 1) / threads, kShare);
  at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
    multiply(values + begin * per_row, per_row, per_column, end - begin, F, weight, 0, panels, added,
             made + begin * per_made, per_made, G);
  });
}

// made = beta made + values weight.
template <typename T>
void product(const Rows<T>& values, const Matrix<T>& weight, T beta, const Rows<T>& made, int64_t step, int64_t begin,
             int64_t end) {
  const int64_t F = values.size, G = made.size;
  if constexpr (std::is_same_v<T, float>) {
    if (weight.panels) {
      const float* from = values.at(step, begin);
      float* to = made.at(step, begin);
      if (weight.narrow) {
        multiply(from, values.per_row, 1, end - begin, F, weight.narrow, beta != 0, to, made.per_row, G);
      } else {
        multiply(from, values.per_row, 1, end - begin, F, weight.data, beta != 0, to, made.per_row, G);
      }
      return;
    }
  }
  for (int64_t b = begin, next = end; b < end; b = next) {
    const T* data = weight.data;
    if (weight.copies) {
      const int64_t matrix = b / weight.copies;
      next = std::min(end, (matrix + 1) * weight.copies);
      data += matrix * weight.per_matrix;
    }
    if (weight.turned && next - b <= kFew) {
      few(next - b, values.at(step, b), values.per_row, data, weight.ld, F, G, beta, made.at(step, b), made.per_row);
      continue;
    }
    blas(weight.turned ? "T" : "N", G, next - b, F, data, weight.ld, values.at(step, b), values.per_row, beta,
         made.at(step, b), made.per_row);
  }
}

// Refuse a weight that is not (F, G), in whichever of its forms.
void check(const Tensor& weight, int64_t F, int64_t G) {
  if (weight.dim() != 4) {
    TORCH_CHECK(weight.size(-2) == F && weight.size(-1) == G, "a weight of ", weight.sizes(), " is not (", F, ", ", G,
                ")");
    return;
  }
  const bool wide = weight.scalar_type() == at::kFloat;
  const int64_t panel = wide ? kPanel<float> : kPanel<Narrow>, depth = wide ? F : up_to(F, kDepth<Narrow>) / 2;
  TORCH_CHECK(weight.size(0) == up_to(G, panel) / panel && weight.size(1) == depth && weight.is_contiguous(),
              "a packed weight of ", weight.sizes(), " is not (", F, ", ", G, ")");
}

template <typename T>
struct Term {  // what a value of the loop, or its gradient, adds by a matrix
  Rows<T> values;
  Matrix<T> weight;
};

// Of values (T, B, F) and weights (F, size), or on the way back (size, F).
template <typename T>
std::vector<Term<T>> terms(const Tensors& values, const Tensors& weights, int64_t size, bool back = false) {
  std::vector<Term<T>> made;
  for (size_t n = 0; n < values.size(); ++n) {
    const int64_t F = values[n].size(2);
    check(weights[n], back ? size : F, back ? F : size);
    made.push_back({Rows<T>(values[n]), Matrix<T>(weights[n], values[n].size(1))});
  }
  return made;
}

// Within two units of the last place (the rational function that Eigen uses); NaN stays NaN.
inline float tanh_of(float x) {
  const float limit = 7.90531110763549805f;
  const float c = x > limit ? limit : (x < -limit ? -limit : x);
  const float s = c * c;
  float p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  const float made = c * p / q;
  return std::fabs(x) < 0.0004f ? x : made;
}
inline double tanh_of(double x) { return std::tanh(x); }

// Within two units of the last place for x up to 88, where it is not less than the least normal number.
inline float exp_of(float x) {
  const float c = x < -87.0f ? -87.0f : x;
  const float n = std::nearbyint(c * 1.44269504088896341f);
  const float r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * __builtin_bit_cast(float, (static_cast<int32_t>(n) + 127) << 23);
}
inline double exp_of(double x) { return std::exp(x); }

template <typename T>
inline T sigmoid_of(T x) {
  return T(0.5) * tanh_of(T(0.5) * x) + T(0.5);
}

template <typename T>
Step gru(std::vector<Term<T>> inputs, Rows<T> state, Matrix<T> both, Matrix<T> last, const T* bias, Rows<T> gates,
         Rows<T> candidate, Rows<T> made) {
  const int64_t H = made.size;
  const Rows<T> first_two = gates.first(2 * H);
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (const auto& x : inputs) {
      product(x.values, x.weight, T(1), gates, t, begin, end);
    }
    product(state, both, T(1), first_two, t, begin, end);
    product(state, last, T(0), candidate, t, begin, end);
    for (int64_t b = begin; b < end; ++b) {
      T* g = gates.at(t, b);
      T* c = candidate.at(t, b);
      T* out = made.at(t, b);
      const T* s = state.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T r = sigmoid_of(g[h]), z = sigmoid_of(g[H + h]);
        const T inner = c[h] + bias[h], n = tanh_of(g[2 * H + h] + r * inner);
        g[h] = r, g[H + h] = z, g[2 * H + h] = n, c[h] = inner;
        out[h] = n + z * (s[h] - n);
      }
    }
  };
}

template <typename T>
Step gru_back(std::vector<Term<T>> inputs, Rows<T> state, Matrix<T> both, Matrix<T> last, Rows<T> gates,
              Rows<T> candidate, Rows<T> d_made, Rows<T> d_gates, Rows<T> d_candidate, Rows<T> d_state) {
  const int64_t H = d_made.size;
  const Rows<T> d_first_two = d_gates.first(2 * H);
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const T *g = gates.at(t, b), *c = candidate.at(t, b), *s = state.at(t, b), *d = d_made.at(t, b);
      T *dg = d_gates.at(t, b), *dc = d_candidate.at(t, b), *ds = d_state.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T r = g[h], z = g[H + h], n = g[2 * H + h];
        const T dn = d[h] * (1 - z) * (1 - n * n);
        ds[h] += d[h] * z;
        dg[H + h] = d[h] * (s[h] - n) * z * (1 - z);
        dg[2 * H + h] = dn;
        dc[h] = dn * r;
        dg[h] = dn * c[h] * r * (1 - r);
      }
    }
    product(d_first_two, both, T(1), d_state, t, begin, end);
    product(d_candidate, last, T(1), d_state, t, begin, end);
    for (const auto& x : inputs) {
      product(d_gates, x.weight, T(1), x.values, t, begin, end);
    }
  };
}

template <typename T>
Step gru_before(std::vector<Term<T>> inputs, Rows<T> state, Matrix<T> both, Matrix<T> last, Rows<T> gates,
                Rows<T> reset, Rows<T> made) {
  const int64_t H = made.size;
  const Rows<T> first_two = gates.first(2 * H), third = gates.from(2 * H);
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (const auto& x : inputs) {
      product(x.values, x.weight, T(1), gates, t, begin, end);
    }
    product(state, both, T(1), first_two, t, begin, end);
    for (int64_t b = begin; b < end; ++b) {
      T *g = gates.at(t, b), *rs = reset.at(t, b);
      const T* s = state.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T r = sigmoid_of(g[h]), z = sigmoid_of(g[H + h]);
        g[h] = r, g[H + h] = z, rs[h] = r * s[h];
      }
    }
    product(reset, last, T(1), third, t, begin, end);
    for (int64_t b = begin; b < end; ++b) {
      T *g = gates.at(t, b), *out = made.at(t, b);
      const T* s = state.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T n = tanh_of(g[2 * H + h]);
        g[2 * H + h] = n;
        out[h] = n + g[H + h] * (s[h] - n);
      }
    }
  };
}

template <typename T>
Step gru_before_back(std::vector<Term<T>> inputs, Rows<T> state, Matrix<T> both, Matrix<T> last, Rows<T> gates,
                     Rows<T> d_made, Rows<T> d_gates, Rows<T> d_reset, Rows<T> d_state) {
  const int64_t H = d_made.size;
  const Rows<T> d_first_two = d_gates.first(2 * H), d_third = d_gates.from(2 * H);
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const T *g = gates.at(t, b), *s = state.at(t, b), *d = d_made.at(t, b);
      T* dg = d_gates.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T z = g[H + h], n = g[2 * H + h];
        dg[H + h] = d[h] * (s[h] - n) * z * (1 - z);
        dg[2 * H + h] = d[h] * (1 - z) * (1 - n * n);
      }
    }
    product(d_third, last, T(0), d_reset, t, begin, end);
    for (int64_t b = begin; b < end; ++b) {
      const T *g = gates.at(t, b), *s = state.at(t, b), *d = d_made.at(t, b), *drs = d_reset.at(t, b);
      T *dg = d_gates.at(t, b), *ds = d_state.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T r = g[h];
        dg[h] = drs[h] * s[h] * r * (1 - r);
        ds[h] += d[h] * g[H + h] + drs[h] * r;
      }
    }
    product(d_first_two, both, T(1), d_state, t, begin, end);
    for (const auto& x : inputs) {
      product(d_gates, x.weight, T(1), x.values, t, begin, end);
    }
  };
}

template <typename T>
Step lstm(std::vector<Term<T>> inputs, Rows<T> gates, Rows<T> cell, Rows<T> made_cell, Rows<T> made) {
  const int64_t H = made.size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (const auto& x : inputs) {
      product(x.values, x.weight, T(1), gates, t, begin, end);
    }
    for (int64_t b = begin; b < end; ++b) {
      T* g = gates.at(t, b);
      T *out = made.at(t, b), *new_cell = made_cell.at(t, b);
      const T* old = cell.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T i = sigmoid_of(g[h]), f = sigmoid_of(g[H + h]);
        const T n = tanh_of(g[2 * H + h]), o = sigmoid_of(g[3 * H + h]);
        g[h] = i, g[H + h] = f, g[2 * H + h] = n, g[3 * H + h] = o;
        new_cell[h] = f * old[h] + i * n;
        out[h] = o * tanh_of(new_cell[h]);
      }
    }
  };
}

template <typename T>
Step lstm_back(std::vector<Term<T>> inputs, Rows<T> gates, Rows<T> cell, Rows<T> made_cell, Rows<T> d_made,
               Rows<T> d_made_cell, Rows<T> d_gates, Rows<T> d_cell) {
  const int64_t H = d_made.size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const T *g = gates.at(t, b), *old = cell.at(t, b), *now = made_cell.at(t, b);
      const T *d = d_made.at(t, b), *d_now = d_made_cell.at(t, b);
      T *dg = d_gates.at(t, b), *d_old = d_cell.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) {
        const T i = g[h], f = g[H + h], n = g[2 * H + h], o = g[3 * H + h], shown = tanh_of(now[h]);
        const T inner = d_now[h] + d[h] * o * (1 - shown * shown);
        dg[h] = inner * n * i * (1 - i);
        dg[H + h] = inner * old[h] * f * (1 - f);
        dg[2 * H + h] = inner * i * (1 - n * n);
        dg[3 * H + h] = d[h] * shown * o * (1 - o);
        d_old[h] += inner * f;
      }
    }
    for (const auto& x : inputs) {
      product(d_gates, x.weight, T(1), x.values, t, begin, end);
    }
  };
}

// made = tanh of what stands there, and what the values of the loop add by their matrices; times noise, if there is
// any.
template <typename T>
Step layer(std::vector<Term<T>> inputs, std::vector<Rows<T>> noise, Rows<T> shown, Rows<T> made) {
  const int64_t H = made.size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (const auto& x : inputs) {
      product(x.values, x.weight, T(1), shown, t, begin, end);
    }
    for (int64_t b = begin; b < end; ++b) {
      T *s = shown.at(t, b), *out = made.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) out[h] = s[h] = tanh_of(s[h]);
      if (noise.empty()) continue;
      const T* n = noise[0].at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) out[h] = s[h] * n[h];
    }
  };
}

template <typename T>
Step layer_back(std::vector<Term<T>> inputs, std::vector<Rows<T>> noise, Rows<T> shown, Rows<T> d_made,
                Rows<T> d_shown) {
  const int64_t H = d_made.size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const T *s = shown.at(t, b), *d = d_made.at(t, b);
      const T* n = noise.empty() ? nullptr : noise[0].at(t, b);
      T* ds = d_shown.at(t, b);
#pragma omp simd
      for (int64_t h = 0; h < H; ++h) ds[h] = (n ? d[h] * n[h] : d[h]) * (1 - s[h] * s[h]);
    }
    for (const auto& x : inputs) {
      product(d_shown, x.weight, T(1), x.values, t, begin, end);
    }
  };
}

template <typename T>
inline T dot(const T* a, const T* b, int64_t size) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t n = 0; n < size; ++n) sum += a[n] * b[n];
  return sum;
}

template <typename T>
inline void add(T* to, T factor, const T* from, int64_t size) {
#pragma omp simd
  for (int64_t n = 0; n < size; ++n) to[n] += factor * from[n];
}

// v · tanh(q + k).
template <typename T>
inline T energy(const T* q, const T* k, const T* v, int64_t size) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t n = 0; n < size; ++n) sum += v[n] * tanh_of(q[n] + k[n]);
  return sum;
}

// The way back through it.
template <typename T>
inline void energy_back(T d_energy, const T* q, const T* k, const T* v, int64_t size, T* d_q, T* d_k, T* d_v) {
#pragma omp simd
  for (int64_t n = 0; n < size; ++n) {
    const T hidden = tanh_of(q[n] + k[n]), d = d_energy * v[n] * (1 - hidden * hidden);
    d_v[n] += d_energy * hidden;
    d_q[n] += d;
    d_k[n] += d;
  }
}

// The same of e^2q and e^2k, which are made once for many sums: tanh(q + k) = 1 - 2 / (1 + e^2q e^2k). No number must
// be further from 0 than this, so that no product overflows: of a row with one that is, each sum has its tanh.
constexpr float kReach = 21;

// e^2x of some numbers, and whether all are within reach; NaN is not.
template <typename T>
bool powers(const T* x, int64_t size, T* made) {
  int32_t beyond = 0;
#pragma omp simd reduction(+ : beyond)
  for (int64_t n = 0; n < size; ++n) {
    const bool within = std::fabs(x[n]) <= kReach;
    beyond += !within;
    made[n] = exp_of(within ? 2 * x[n] : T(0));
  }
  return beyond == 0;
}

// Those of keys, (B, S, A), and of each row whether all of it is within reach.
template <typename T>
struct Powers {
  const T* data = nullptr;
  std::vector<char> within;

  bool has(int64_t row) const { return data && within[row]; }
};

#ifdef __AVX512F__
typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));
inline Lanes near_inverse(Lanes x) { return (Lanes)_mm512_rcp14_ps((__m512)x); }
#elif defined(__AVX2__)
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));
inline Lanes near_inverse(Lanes x) { return (Lanes)_mm256_rcp_ps((__m256)x); }
#else
typedef float Lanes __attribute__((vector_size(16), aligned(4), may_alias));
inline Lanes near_inverse(Lanes x) { return 1 / x; }
#endif
constexpr int64_t kLanes = sizeof(Lanes) / sizeof(float);

// Within three units of the last place.
inline Lanes inverse(Lanes x) {
  const Lanes near = near_inverse(x);
  return near * (2 - x * near);  // a step of Newton's
}
inline Lanes load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
inline void store(float* to, Lanes lanes) { *reinterpret_cast<Lanes*>(to) = lanes; }

// Energies of N positions.
template <int N, typename T>
void energies_of(const T* q, const T* const* k, const T* v, int64_t size, T* energies) {
  T sums[N] = {};
  int64_t n = 0;
  if constexpr (std::is_same_v<T, float>) {
    Lanes wide[N] = {};
    for (; n + kLanes <= size; n += kLanes) {
      const Lanes power = load(q + n), factor = load(v + n);
      for (int m = 0; m < N; ++m) wide[m] += factor * (1 - 2 * inverse(1 + power * load(k[m] + n)));
    }
    for (int m = 0; m < N; ++m) {
      for (int64_t lane = 0; lane < kLanes; ++lane) sums[m] += wide[m][lane];
    }
  }
  for (; n < size; ++n) {
    for (int m = 0; m < N; ++m) sums[m] += v[n] * (1 - 2 / (1 + q[n] * k[m][n]));
  }
  std::copy_n(sums, N, energies);
}

// The way back through them.
template <int N, typename T>
void energies_back_of(const T* d_energies, const T* q, const T* const* k, const T* v, int64_t size, T* d_q,
                      T* const* d_k, T* d_v) {
  int64_t n = 0;
  if constexpr (std::is_same_v<T, float>) {
    for (; n + kLanes <= size; n += kLanes) {
      const Lanes power = load(q + n), factor = 4 * load(v + n);
      Lanes sum_q = load(d_q + n), sum_v = load(d_v + n);
      for (int m = 0; m < N; ++m) {
        const Lanes half = inverse(1 + power * load(k[m] + n));  // of 1 - tanh
        const Lanes d = d_energies[m] * factor * (half - half * half);
        sum_v += d_energies[m] * (1 - 2 * half);
        sum_q += d;
        store(d_k[m] + n, load(d_k[m] + n) + d);
      }
      store(d_q + n, sum_q);
      store(d_v + n, sum_v);
    }
  }
  for (; n < size; ++n) {
    for (int m = 0; m < N; ++m) {
      const T half = 1 / (1 + q[n] * k[m][n]), d = d_energies[m] * 4 * v[n] * (half - half * half);
      d_v[n] += d_energies[m] * (1 - 2 * half);
      d_q[n] += d;
      d_k[m][n] += d;
    }
  }
}

constexpr int kPositions = 4;  // whose sums are made at once

// The softmax of the energies over what is no padding, and the sum of the memory (B, S, M) under it.
template <typename T>
void attend(const T* energies, const bool* padding, T temperature, const T* memory, int64_t S, int64_t M, T* weights,
            T* context) {
  T top = -std::numeric_limits<T>::infinity(), total = 0;
  for (int64_t j = 0; j < S; ++j) {
    if (!padding || !padding[j]) top = energies[j] > top || energies[j] != energies[j] ? energies[j] : top;
  }
  for (int64_t j = 0; j < S; ++j) {
    weights[j] = padding && padding[j] ? T(0) : std::exp((energies[j] - top) / temperature);
    total += weights[j];
  }
  std::fill(context, context + M, T(0));
  if (total == 0) return;  // no real position
  for (int64_t j = 0; j < S; ++j) {
    weights[j] /= total;
    if (weights[j] != 0) add(context, weights[j], memory + j * M, M);
  }
}

template <typename T>
Step attention(Rows<T> state, std::vector<Matrix<T>> weight, const T* v, const T* keys, Powers<T> powered,
               int64_t copies, T scale, const bool* padding, T temperature, const T* memory,
               std::vector<Rows<T>> queries, Rows<T> energies, Rows<T> weights, Rows<T> context) {
  const int64_t S = energies.size, M = context.size, A = weight.empty() ? state.size : queries[0].size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    if (!weight.empty()) product(state, weight[0], T(0), queries[0], t, begin, end);
    std::vector<T> power(A);
    for (int64_t b = begin; b < end; ++b) {
      const T* q = weight.empty() ? state.at(t, b) : queries[0].at(t, b);
      T* e = energies.at(t, b);
      const int64_t m = b / copies;  // the row of the memory
      int64_t j = 0;
      if (powered.has(m) && powers(q, A, power.data())) {
        const T* k[kPositions];
        for (; j + kPositions <= S; j += kPositions) {
          for (int n = 0; n < kPositions; ++n) k[n] = powered.data + (m * S + j + n) * A;
          energies_of<kPositions>(power.data(), k, v, A, e + j);
        }
        for (; j < S; ++j) {
          k[0] = powered.data + (m * S + j) * A;
          energies_of<1>(power.data(), k, v, A, e + j);
        }
      }
      for (; j < S; ++j) {
        const T* k = keys + (m * S + j) * A;
        e[j] = weight.empty() ? scale * dot(q, k, A) : energy(q, k, v, A);
      }
      attend(e, padding ? padding + m * S : nullptr, temperature, memory + m * S * M, S, M, weights.at(t, b),
             context.at(t, b));
    }
  };
}

template <typename T>
Step attention_back(Rows<T> state, std::vector<Matrix<T>> weight, const T* v, const T* keys, Powers<T> powered, T scale,
                    T temperature, const T* memory, std::vector<Rows<T>> queries, Rows<T> weights, Rows<T> d_context,
                    Rows<T> d_weights, Rows<T> d_outer, Rows<T> d_energies, std::vector<Rows<T>> d_queries, T* d_keys,
                    T* d_v, Rows<T> d_state) {
  const int64_t S = weights.size, M = d_context.size, A = weight.empty() ? state.size : queries[0].size;
  return [=](int64_t t, int64_t begin, int64_t end) {
    std::vector<T> power(A);
    for (int64_t b = begin; b < end; ++b) {
      const T *alpha = weights.at(t, b), *dc = d_context.at(t, b), *dw = d_weights.at(t, b), *outer = d_outer.at(t, b);
      T *de = d_energies.at(t, b), sum = 0;
      for (int64_t j = 0; j < S; ++j) {
        de[j] = alpha[j] == 0 ? T(0) : alpha[j] * (dw[j] + dot(dc, memory + (b * S + j) * M, M));
        sum += de[j];
      }
      for (int64_t j = 0; j < S; ++j) de[j] = (de[j] - alpha[j] * sum) / temperature + outer[j];
      if (weight.empty()) {
        T* ds = d_state.at(t, b);
        for (int64_t j = 0; j < S; ++j) {
          de[j] *= scale;
          add(ds, de[j], keys + (b * S + j) * A, A);
        }
        continue;
      }
      const T* q = queries[0].at(t, b);
      T *dq = d_queries[0].at(t, b), *dv = d_v + b * A;
      std::fill(dq, dq + A, T(0));
      if (powered.has(b) && powers(q, A, power.data())) {
        const T* k[kPositions];
        T d[kPositions], *dk[kPositions];
        int count = 0;
        for (int64_t j = 0; j < S; ++j) {
          const int64_t place = (b * S + j) * A;
          if (de[j] == 0) continue;  // padding
          d[count] = de[j], k[count] = powered.data + place, dk[count] = d_keys + place;
          if (++count < kPositions) continue;
          energies_back_of<kPositions>(d, power.data(), k, v, A, dq, dk, dv);
          count = 0;
        }
        for (int n = 0; n < count; ++n) energies_back_of<1>(d + n, power.data(), k + n, v, A, dq, dk + n, dv);
        continue;
      }
      for (int64_t j = 0; j < S; ++j) {
        const int64_t place = (b * S + j) * A;
        if (de[j] != 0) energy_back(de[j], q, keys + place, v, A, dq, d_keys + place, dv);
      }
    }
    if (!weight.empty()) product(d_queries[0], weight[0], T(1), d_state, t, begin, end);
  };
}

template <typename T>
std::vector<Rows<T>> rows_of(const Tensors& tensors) {
  return {tensors.begin(), tensors.end()};
}

template <typename T>
std::vector<Matrix<T>> matrices(const Tensors& tensors) {
  return {tensors.begin(), tensors.end()};
}

#define TYPED(like, ...) AT_DISPATCH_FLOATING_TYPES(like.scalar_type(), "a fused loop", [&] { __VA_ARGS__ });

// Whether the numbers of an axis stand one behind the other.
bool side_by_side(const Tensor& tensor, int64_t axis) { return tensor.size(axis) <= 1 || tensor.stride(axis) == 1; }

// made = start + values weight, (N, G), without a start that of 0; the weight may be `packed`.
void affine(const Tensor& values, const Tensor& weight, const std::optional<Tensor>& start, const Tensor& made) {
  RECORD_FUNCTION("seq2seq_attn::affine", {});  // within a walk as well
  const int64_t rows = values.size(0);
  const bool empty = values.numel() == 0 || made.numel() == 0;
  if (weight.dim() == 4) {
    const bool wide = weight.scalar_type() == at::kFloat;
    const int64_t F = values.size(1), G = made.size(1);
    TORCH_CHECK(values.scalar_type() == at::kFloat && made.scalar_type() == at::kFloat,
                "packed weights multiply float32");
    TORCH_CHECK(made.size(0) == rows, "affine takes (N, F), (F, G) and (N, G)");
    check(weight, F, G);
    if (!side_by_side(values, 1) && !side_by_side(values, 0)) {
      return affine(values.contiguous(), weight, start, made);
    }
    if (!side_by_side(made, 1)) {
      const Tensor copied = made.contiguous();
      affine(values, weight, start && start->is_same(made) ? copied : start, copied);
      made.copy_(copied);
      return;
    }
    if (start && !start->is_same(made)) made.copy_(start->expand_as(made));
    if (empty && !start) made.zero_();
    if (empty) return;
    const float* given = values.const_data_ptr<float>();
    float* out = made.data_ptr<float>();
    const int64_t per_row = values.stride(0), per_column = side_by_side(values, 1) ? 1 : values.stride(1);
    const int64_t per_made = made.stride(0);
    const auto multiplied = [&](const auto* panels) {
      multiply(given, per_row, per_column, rows, F, panels, start.has_value(), out, per_made, G);
    };
    wide ? multiplied(weight.const_data_ptr<float>()) : multiplied(weight.const_data_ptr<Narrow>());
    return;
  }
  if (rows > kFew || empty || weight.stride(0) != 1 || values.stride(1) != 1 || made.stride(1) != 1) {
    Tensor out = made;
    start ? at::addmm_out(out, *start, values, weight) : at::mm_out(out, values, weight);
    return;
  }
  check(weight, values.size(1), made.size(1));
  TORCH_CHECK(made.size(0) == rows, "affine takes (N, F), (F, G) and (N, G)");
  if (start && !start->is_same(made)) made.copy_(start->expand_as(made));
  TYPED(made, few(rows, values.const_data_ptr<scalar_t>(), values.stride(0), weight.const_data_ptr<scalar_t>(),
                  weight.stride(1), weight.size(0), weight.size(1), scalar_t(start ? 1 : 0), made.data_ptr<scalar_t>(),
                  made.stride(0));)
}

// `kernels.Kernels`; it holds the tensors of its units.
struct Walk : torch::CustomClassHolder {
  int64_t steps, batch;
  std::vector<int64_t> rows;                  // that a step is about, the first ones; empty: all
  std::vector<Step> units[2];                 // from the first step, from the last
  std::vector<std::function<void()>> begins;  // what each walk does first
  bool turned = false;
  Tensors held;

  template <typename... Given>
  void hold(const Given&... given) {
    (hold_one(given), ...);
  }
  void hold_one(const Tensor& tensor) {
    TORCH_CHECK(tensor.is_cpu(), "a compiled loop runs on a processor, not on ", tensor.device());
    held.push_back(tensor);
  }
  void hold_one(const Tensors& tensors) {
    for (const Tensor& tensor : tensors) hold_one(tensor);
  }

  // Of what a walk begins with: nothing that is filled may be put elsewhere, as units know where it is.
  static void check_rows(const Tensor& made, int64_t rows, int64_t size) {
    TORCH_CHECK(made.dim() == 2 && made.size(0) == rows && made.size(1) == size && made.is_cpu(),
                "a walk begins with (N, G), on a processor, of as many rows as there are");
  }

  Walk(int64_t steps, int64_t batch, std::vector<int64_t> given) : steps(steps), batch(batch), rows(std::move(given)) {
    TORCH_CHECK(rows.empty() || static_cast<int64_t>(rows.size()) == steps, "there are not as many rows as steps");
    for (const int64_t count : rows) TORCH_CHECK(count <= batch, "a step is about more rows than there are");
  }

  void fill(const std::optional<Tensor>& start, const Tensor& made) {
    check_rows(made, made.size(0), made.size(1));
    TORCH_CHECK(!start || (start->sizes() == made.sizes().slice(1) && start->is_cpu()), "fill takes (G,) and (N, G)");
    begins.push_back([=] {
      const Tensor out = made;
      start ? out.copy_(start->expand_as(made)) : out.zero_();
    });
  }

  void look_up(const Tensor& table, const Tensor& symbols, const Tensor& made, bool added) {
    check_rows(made, symbols.numel(), table.size(1));
    TORCH_CHECK(table.scalar_type() == made.scalar_type() && table.is_cpu() && symbols.dim() == 1,
                "look_up takes (V, G), (N,) and (N, G), on a processor, of one dtype");
    begins.push_back([=] {
      Tensor out = made;
      added ? out.add_(table.index_select(0, symbols)) : at::index_select_out(out, table, 0, symbols);
    });
  }

  void affine(const Tensor& values, const Tensor& weight, const std::optional<Tensor>& start, const Tensor& made) {
    check_rows(made, values.size(0), made.size(1));
    check(weight, values.size(1), made.size(1));
    begins.push_back([=] { ::affine(values, weight, start, made); });
  }

  void gru(const Tensors& values, const Tensors& weights, const Tensor& state, const Tensor& both, const Tensor& last,
           const Tensor& bias, const Tensor& gates, const Tensor& candidate, const Tensor& made) {
    hold(values, weights, state, both, last, bias, gates, candidate, made);
    const int64_t H = made.size(2);
    check(both, H, 2 * H), check(last, H, H);
    TYPED(made, using R = Rows<scalar_t>; units[turned].push_back(
        ::gru<scalar_t>(terms<scalar_t>(values, weights, gates.size(2)), R(state), Matrix<scalar_t>(both),
                        Matrix<scalar_t>(last), bias.const_data_ptr<scalar_t>(), R(gates), R(candidate), R(made)));)
  }

  void gru_back(const Tensors& values, const Tensors& weights, const Tensor& state, const Tensor& both,
                const Tensor& last, const Tensor& gates, const Tensor& candidate, const Tensor& d_made,
                const Tensor& d_gates, const Tensor& d_candidate, const Tensor& d_state) {
    hold(values, weights, state, both, last, gates, candidate, d_made, d_gates, d_candidate, d_state);
    const int64_t H = d_made.size(2);
    check(both, 2 * H, H), check(last, H, H);
    TYPED(d_made, using R = Rows<scalar_t>; units[turned].push_back(::gru_back<scalar_t>(
        terms<scalar_t>(values, weights, d_gates.size(2), true), R(state), Matrix<scalar_t>(both),
        Matrix<scalar_t>(last), R(gates), R(candidate), R(d_made), R(d_gates), R(d_candidate), R(d_state)));)
  }

  void gru_before(const Tensors& values, const Tensors& weights, const Tensor& state, const Tensor& both,
                  const Tensor& last, const Tensor& gates, const Tensor& reset, const Tensor& made) {
    hold(values, weights, state, both, last, gates, reset, made);
    const int64_t H = made.size(2);
    check(both, H, 2 * H), check(last, H, H);
    TYPED(made, using R = Rows<scalar_t>; units[turned].push_back(
        ::gru_before<scalar_t>(terms<scalar_t>(values, weights, gates.size(2)), R(state), Matrix<scalar_t>(both),
                               Matrix<scalar_t>(last), R(gates), R(reset), R(made)));)
  }

  void gru_before_back(const Tensors& values, const Tensors& weights, const Tensor& state, const Tensor& both,
                       const Tensor& last, const Tensor& gates, const Tensor& d_made, const Tensor& d_gates,
                       const Tensor& d_reset, const Tensor& d_state) {
    hold(values, weights, state, both, last, gates, d_made, d_gates, d_reset, d_state);
    const int64_t H = d_made.size(2);
    check(both, 2 * H, H), check(last, H, H);
    TYPED(d_made, using R = Rows<scalar_t>; units[turned].push_back(::gru_before_back<scalar_t>(
        terms<scalar_t>(values, weights, d_gates.size(2), true), R(state), Matrix<scalar_t>(both),
        Matrix<scalar_t>(last), R(gates), R(d_made), R(d_gates), R(d_reset), R(d_state)));)
  }

  void lstm(const Tensors& values, const Tensors& weights, const Tensor& gates, const Tensor& cell,
            const Tensor& made_cell, const Tensor& made) {
    hold(values, weights, gates, cell, made_cell, made);
    TYPED(made, using R = Rows<scalar_t>; units[turned].push_back(
        ::lstm<scalar_t>(terms<scalar_t>(values, weights, gates.size(2)), R(gates), R(cell), R(made_cell), R(made)));)
  }

  void lstm_back(const Tensors& values, const Tensors& weights, const Tensor& gates, const Tensor& cell,
                 const Tensor& made_cell, const Tensor& d_made, const Tensor& d_made_cell, const Tensor& d_gates,
                 const Tensor& d_cell) {
    hold(values, weights, gates, cell, made_cell, d_made, d_made_cell, d_gates, d_cell);
    TYPED(d_made, using R = Rows<scalar_t>; units[turned].push_back(
        ::lstm_back<scalar_t>(terms<scalar_t>(values, weights, d_gates.size(2), true), R(gates), R(cell), R(made_cell),
                              R(d_made), R(d_made_cell), R(d_gates), R(d_cell)));)
  }

  void layer(const Tensors& values, const Tensors& weights, const Tensors& noise, const Tensor& shown,
             const Tensor& made) {
    hold(values, weights, noise, shown, made);
    TYPED(made, using R = Rows<scalar_t>; units[turned].push_back(::layer<scalar_t>(
        terms<scalar_t>(values, weights, shown.size(2)), rows_of<scalar_t>(noise), R(shown), R(made)));)
  }

  void layer_back(const Tensors& values, const Tensors& weights, const Tensors& noise, const Tensor& shown,
                  const Tensor& d_made, const Tensor& d_shown) {
    hold(values, weights, noise, shown, d_made, d_shown);
    TYPED(d_made, using R = Rows<scalar_t>;
          units[turned].push_back(::layer_back<scalar_t>(terms<scalar_t>(values, weights, d_shown.size(2), true),
                                                         rows_of<scalar_t>(noise), R(shown), R(d_made), R(d_shown)));)
  }

  void attention(const Tensor& state, const Tensors& weight, const Tensors& v, const Tensor& keys, int64_t copies,
                 double scale, const Tensors& padding, double temperature, const Tensor& memory, const Tensors& queries,
                 const Tensor& energies, const Tensor& weights, const Tensor& context) {
    hold(state, weight, v, keys, padding, memory, queries, energies, weights, context);
    if (!weight.empty()) check(weight[0], state.size(2), queries[0].size(2));
    TYPED(context, using R = Rows<scalar_t>; units[turned].push_back(::attention<scalar_t>(
        R(state), matrices<scalar_t>(weight), v.empty() ? nullptr : v[0].const_data_ptr<scalar_t>(),
        keys.const_data_ptr<scalar_t>(), weight.empty() ? Powers<scalar_t>() : powers_of<scalar_t>(keys), copies, scale,
        padding.empty() ? nullptr : padding[0].const_data_ptr<bool>(), temperature, memory.const_data_ptr<scalar_t>(),
        rows_of<scalar_t>(queries), R(energies), R(weights), R(context)));)
  }

  void attention_back(const Tensor& state, const Tensors& weight, const Tensors& v, const Tensor& keys, double scale,
                      double temperature, const Tensor& memory, const Tensors& queries, const Tensor& weights,
                      const Tensor& d_context, const Tensor& d_weights, const Tensor& d_outer, const Tensor& d_energies,
                      const Tensors& d_queries, const Tensor& d_keys, const Tensor& d_v, const Tensor& d_state) {
    hold(state, weight, v, keys, memory, queries, weights, d_context, d_weights, d_outer, d_energies, d_queries, d_keys,
         d_v, d_state);
    if (!weight.empty()) check(weight[0], queries[0].size(2), state.size(2));
    TYPED(d_context, using R = Rows<scalar_t>; units[turned].push_back(::attention_back<scalar_t>(
        R(state), matrices<scalar_t>(weight), v.empty() ? nullptr : v[0].const_data_ptr<scalar_t>(),
        keys.const_data_ptr<scalar_t>(), weight.empty() ? Powers<scalar_t>() : powers_of<scalar_t>(keys), scale,
        temperature, memory.const_data_ptr<scalar_t>(), rows_of<scalar_t>(queries), R(weights), R(d_context),
        R(d_weights), R(d_outer), R(d_energies), rows_of<scalar_t>(d_queries), d_keys.data_ptr<scalar_t>(),
        d_v.data_ptr<scalar_t>(), R(d_state)));)
  }

  // `Powers` of keys, (B, S, A); they are held.
  template <typename T>
  Powers<T> powers_of(const Tensor& keys) {
    TORCH_CHECK(keys.dim() == 3 && keys.is_contiguous(), "a fused loop takes keys (B, S, A), contiguous");
    const Tensor made = at::empty(keys.sizes(), keys.options());
    const int64_t size = keys.size(1) * keys.size(2);
    std::vector<char> within(keys.size(0));
    const T* from = keys.const_data_ptr<T>();
    T* to = made.data_ptr<T>();
    at::parallel_for(0, keys.size(0), std::max<int64_t>(1, 16384 / std::max<int64_t>(1, size)),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t b = begin; b < end; ++b) within[b] = powers(from + b * size, size, to + b * size);
                     });
    hold(made);
    return {to, std::move(within)};
  }

  void turn(bool reversed) { turned = reversed; }

  // Where the rows of each thread begin, and where the last ones end: all have as much to walk, threads as few as have
  // some 8 rows each.
  std::vector<int64_t> shares() const {
    const int64_t threads = std::clamp<int64_t>((batch + 7) / 8, 1, at::get_num_threads());
    std::vector<int64_t> left(batch + 1, rows.empty() ? steps : 0);  // steps of a row, and those of all before it
    for (const int64_t count : rows) {
      for (int64_t b = 0; b < count; ++b) ++left[b];
    }
    std::exclusive_scan(left.begin(), left.end(), left.begin(), int64_t(0));
    std::vector<int64_t> made;
    for (int64_t n = 0; n <= threads; ++n) {
      made.push_back(std::lower_bound(left.begin(), left.end(), (left[batch] * n + threads - 1) / threads) -
                     left.begin());
    }
    made.back() = batch;
    return made;
  }

  std::tuple<Tensor, Tensor, Tensor, Tensor> choose(const Tensor& symbols, const Tensor& going, int64_t most,
                                                    std::optional<int64_t> eos, const Tensors& columns,
                                                    const Tensor& hidden, const Tensor& matrix, const Tensor& bias,
                                                    const Tensor& looked);

  void walk(bool back) {
    for (const auto& make : begins) make();
    const std::vector<int64_t> shared = shares();
    at::parallel_for(0, shared.size() - 1, 1, [&](int64_t first, int64_t behind) {
      const int64_t begin = shared[first], end = shared[behind];
      for (const bool reversed : {false, true}) {
        for (int64_t n = 0; n < steps; ++n) {
          const int64_t step = back == reversed ? n : steps - 1 - n;
          const int64_t last = rows.empty() ? end : std::min(end, rows[step]);
          if (last <= begin) continue;
          for (const auto& unit : units[reversed]) unit(step, begin, last);
        }
      }
    });
  }
};

// Of one row of logits, which become the gradient of its loss, smoothed: what is in it for the target is lost.
template <typename T>
void cross_entropy_of(T* logits, const T* bias, int64_t size, int64_t target, T smoothing, T* loss, T* nll,
                      bool* right) {
  T top = logits[0] + bias[0], total = 0, sum = 0;
#pragma omp simd reduction(max : top)
  for (int64_t n = 0; n < size; ++n) {
    logits[n] += bias[n];
    top = logits[n] > top ? logits[n] : top;
  }
  const T true_logit = logits[target];
#pragma omp simd reduction(+ : total, sum)
  for (int64_t n = 0; n < size; ++n) {
    const T power = exp_of(logits[n] - top);
    total += power;
    sum += logits[n];
    logits[n] = power;
  }
  const T all = top + std::log(total), share = smoothing / size, scale = 1 / total;
#pragma omp simd
  for (int64_t n = 0; n < size; ++n) logits[n] = logits[n] * scale - share;
  logits[target] -= 1 - smoothing;
  *nll = all - true_logit;
  *loss = smoothing == 0 ? *nll : (1 - smoothing) * *nll + share * (size * all - sum);
  *right = true_logit >= top;
}

// The same of all rows; the sum of their gradients is added to d_bias, if there is one, each while it is in cache.
template <typename T>
void cross_entropy_of(T* logits, const T* bias, int64_t count, int64_t size, const int64_t* targets, T smoothing,
                      T* loss, T* nll, bool* right, T* d_bias) {
  std::vector<std::vector<T>> sums(at::get_num_threads());  // of each thread, added in one order
  at::parallel_for(0, count, std::max<int64_t>(1, 4096 / size), [&](int64_t begin, int64_t end) {
    auto& sum = sums[at::get_thread_num()];
    if (d_bias) sum.resize(size);
    for (int64_t n = begin; n < end; ++n) {
      T* row = logits + n * size;
      cross_entropy_of(row, bias, size, targets[n], smoothing, loss + n, nll + n, right + n);
#pragma omp simd
      for (size_t m = 0; m < sum.size(); ++m) sum[m] += row[m];
    }
  });
  for (const auto& sum : sums) {
    for (size_t m = 0; m < sum.size(); ++m) d_bias[m] += sum[m];
  }
}

void cross_entropy(const Tensor& logits, const Tensor& bias, const Tensor& target, double smoothing, const Tensor& loss,
                   const Tensor& nll, const Tensor& right, const std::optional<Tensor>& d_bias) {
  TORCH_CHECK(logits.is_contiguous() && target.is_contiguous(), "cross_entropy takes contiguous logits");
  TYPED(logits, cross_entropy_of<scalar_t>(logits.data_ptr<scalar_t>(), bias.const_data_ptr<scalar_t>(), logits.size(0),
                                           logits.size(1), target.const_data_ptr<int64_t>(), smoothing,
                                           loss.data_ptr<scalar_t>(), nll.data_ptr<scalar_t>(), right.data_ptr<bool>(),
                                           d_bias ? d_bias->data_ptr<scalar_t>() : nullptr);)
}

constexpr int64_t kWide = 512;  // scores of a row that are there at once
constexpr int64_t kPart = 64;   // of them, of which none may be likely enough

// What is known of the symbols behind a row once some of their scores have been seen.
template <typename T>
struct Seen {
  T top = -std::numeric_limits<T>::infinity(), total = 0;  // the largest score; the sum of e^(score - top)
  int64_t found = 0;                                       // symbols, best first, the lower one first of equals

  void see(T* scores, const T* bias, int64_t first, int64_t size, int64_t count, T* values, int64_t* symbols) {
    T peaks[kWide / kPart], peak = top;
    for (int64_t begin = 0; begin < size; begin += kPart) {
      const int64_t end = std::min(size, begin + kPart);
      T highest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : highest)
      for (int64_t n = begin; n < end; ++n) {
        scores[n] += bias[n];
        highest = scores[n] > highest ? scores[n] : highest;
      }
      peaks[begin / kPart] = highest;
      peak = highest > peak ? highest : peak;
    }
    if (peak > top) total *= exp_of(top - peak), top = peak;
    const T shift = std::isinf(top) && top < 0 ? T(0) : top;
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t n = 0; n < size; ++n) sum += exp_of(scores[n] - shift);
    total += sum;
    for (int64_t begin = 0; begin < size; begin += kPart) {
      if (found == count && !(peaks[begin / kPart] > values[count - 1])) continue;
      for (int64_t n = begin; n < std::min(size, begin + kPart); ++n) {
        if (found == count && !(scores[n] > values[count - 1])) continue;
        int64_t place = found < count ? found++ : count - 1;
        for (; place > 0 && scores[n] > values[place - 1]; --place) {
          values[place] = values[place - 1], symbols[place] = symbols[place - 1];
        }
        values[place] = scores[n], symbols[place] = first + n;
      }
    }
  }
};

// Of scores hidden matrix + bias, of (N, R), (R, V) or `packed`, and (V,): the log-probabilities of the likeliest
// symbols, best first, and these, (N, K). A thread makes some scores of some rows, and looks at them while they are in
// cache.
template <typename T>
void likeliest_of(const Tensor& hidden, const Tensor& matrix, const T* bias, int64_t V, const Tensor& values,
                  const Tensor& symbols) {
  const int64_t N = hidden.size(0), count = values.size(1), threads = at::get_num_threads();
  const Rows<T> given(hidden.unsqueeze(0));
  const Matrix<T> whole(matrix);
  const int64_t R = hidden.size(1);
  T* best = values.data_ptr<T>();
  int64_t* numbers = symbols.data_ptr<int64_t>();
  const auto look = [&](int64_t row, Seen<T>& seen, T* scores, int64_t first, int64_t size) {
    seen.see(scores, bias + first, first, size, count, best + row * count, numbers + row * count);
  };
  const auto end = [&](int64_t row, const Seen<T>& seen) {
    const T all = seen.top + std::log(seen.total);
    for (int64_t n = 0; n < count; ++n) best[row * count + n] -= all;
  };
  if (N <= kFew) {
    Tensor scores = at::empty({N, V}, hidden.options());
    product(given, whole, T(0), Rows<T>(scores.data_ptr<T>(), V), 0, 0, N);
    for (int64_t row = 0; row < N; ++row) {
      Seen<T> seen;
      for (int64_t first = 0; first < V; first += kWide) {
        look(row, seen, scores.data_ptr<T>() + row * V + first, first, std::min(kWide, V - first));
      }
      end(row, seen);
    }
    return;
  }
  at::parallel_for(0, N, std::max<int64_t>(kFew, (N + threads - 1) / threads), [&](int64_t begin, int64_t last) {
    std::vector<T> scores(std::min(kMany, last - begin) * kWide);
    for (int64_t b = begin; b < last; b += kMany) {
      const int64_t high = std::min(kMany, last - b);
      const Rows<T> some(given.at(0, b), R);
      std::vector<Seen<T>> seen(high);
      for (int64_t first = 0; first < V; first += kWide) {
        const int64_t wide = std::min(kWide, V - first);
        product(some, whole.from(first, R), T(0), Rows<T>(scores.data(), wide), 0, 0, high);
        for (int64_t n = 0; n < high; ++n) look(b + n, seen[n], scores.data() + n * wide, first, wide);
      }
      for (int64_t n = 0; n < high; ++n) end(b + n, seen[n]);
    }
  });
}

void likeliest(const Tensor& hidden, const Tensor& matrix, const Tensor& bias, const Tensor& values,
               const Tensor& symbols) {
  const int64_t N = hidden.size(0), V = bias.numel();
  TORCH_CHECK(hidden.dim() == 2 && values.dim() == 2 && values.sizes() == symbols.sizes() && values.size(0) == N &&
                  values.size(1) <= V && hidden.is_contiguous() && bias.is_contiguous() && values.is_contiguous() &&
                  symbols.is_contiguous() && bias.scalar_type() == hidden.scalar_type(),
              "likeliest takes (N, R), (R, V), (V,) and (N, K) twice, contiguous, of one dtype");
  check(matrix, hidden.size(1), V);
  TYPED(hidden, likeliest_of<scalar_t>(hidden, matrix, bias.const_data_ptr<scalar_t>(), bias.numel(), values, symbols);)
}

// Of a loop of one step, step after step with the symbol that is likeliest behind the one before, until half of the
// rows have ended, or there have been the most: the symbols and whether each row goes on before them, (n, B), log-
// probabilities (n, B), and of `looked`, (B, S), what stands there, (n, B, S). `symbols`, (B, 1), and `going`, (B,),
// are what the next step goes on with; of each column, (3, B, F), what a step made stands before the next.
std::tuple<Tensor, Tensor, Tensor, Tensor> Walk::choose(const Tensor& symbols, const Tensor& going, int64_t most,
                                                        std::optional<int64_t> eos, const Tensors& columns,
                                                        const Tensor& hidden, const Tensor& matrix, const Tensor& bias,
                                                        const Tensor& looked) {
  TORCH_CHECK(steps == 1 && symbols.sizes() == at::IntArrayRef({batch, 1}) && symbols.is_contiguous() &&
                  symbols.scalar_type() == at::kLong && going.sizes() == at::IntArrayRef({batch}) &&
                  going.is_contiguous() && going.scalar_type() == at::kBool && looked.dim() == 2 &&
                  looked.size(0) == batch && hidden.dim() == 2 && hidden.size(0) == batch,
              "choose takes a loop of one step, (B, 1) int64, (B,) bool, (B, R) and (B, S)");
  Tensor made = at::empty({most, batch}, symbols.options()), mask = at::empty({most, batch}, going.options());
  Tensor scores = at::empty({most, batch, 1}, hidden.options());
  Tensor weights = at::empty({most, batch, looked.size(1)}, looked.options());
  int64_t* last = symbols.data_ptr<int64_t>();
  bool* goes = going.data_ptr<bool>();
  int64_t left = std::count(goes, goes + batch, true), n = 0;
  while (n < most && left > 0) {
    if (n > 0) {
      for (const auto& column : columns) column[0].copy_(column[1]);
    }
    mask[n].copy_(going);
    walk(false);
    const Tensor score = scores[n];
    likeliest(hidden, matrix, bias, score, symbols);
    score.masked_fill_(going.logical_not().unsqueeze(1), 0);
    for (int64_t b = 0; b < batch; ++b) {
      if (!goes[b]) last[b] = eos.value_or(0);
      if (goes[b] && eos && last[b] == *eos) goes[b] = false, --left;
    }
    made[n].copy_(symbols.squeeze(1));
    weights[n].copy_(looked);
    ++n;
    if (2 * left <= batch) break;
  }
  return {made.narrow(0, 0, n), mask.narrow(0, 0, n), scores.narrow(0, 0, n).squeeze(2), weights.narrow(0, 0, n)};
}

}  // namespace

TORCH_LIBRARY(seq2seq_attn, library) {
  library.class_<Walk>("Walk")
      .def(torch::init<int64_t, int64_t, std::vector<int64_t>>())
      .def("fill", &Walk::fill)
      .def("look_up", &Walk::look_up)
      .def("affine", &Walk::affine)
      .def("gru", &Walk::gru)
      .def("gru_back", &Walk::gru_back)
      .def("gru_before", &Walk::gru_before)
      .def("gru_before_back", &Walk::gru_before_back)
      .def("lstm", &Walk::lstm)
      .def("lstm_back", &Walk::lstm_back)
      .def("layer", &Walk::layer)
      .def("layer_back", &Walk::layer_back)
      .def("attention", &Walk::attention)
      .def("attention_back", &Walk::attention_back)
      .def("turn", &Walk::turn)
      .def("choose", &Walk::choose)
      .def("walk", &Walk::walk);
  library.def(
      "cross_entropy(Tensor(a!) logits, Tensor bias, Tensor target, float smoothing, Tensor(b!) loss, Tensor(c!) nll, "
      "Tensor(d!) right, Tensor(e!)? d_bias) -> ()",
      &cross_entropy);
  library.def("narrows() -> bool", &narrows);
  library.def("packs() -> bool", &packs);
  library.def("outruns() -> bool", &outruns);
  library.def("packed(Tensor weight, bool narrowed) -> Tensor", &packed);
  library.def("affine(Tensor values, Tensor weight, Tensor? start, Tensor(a!) made) -> ()", &affine);
  library.def("likeliest(Tensor hidden, Tensor matrix, Tensor bias, Tensor(a!) values, Tensor(b!) symbols) -> ()",
              &likeliest);
}

// A convolution without a matrix of patches: for the first layer of a network, which has few channels coming in.
//
//     out[b, y, x, o] = bias[o] + sum over i, j, c of
//                       image[b, y stride - padding + i, x stride - padding + j, c] * weights[i, j, c, o]
//
//     image: (B, H, W, C), channels last, 0 outside;  weights: (k, k, C, O);  out: (B, h, w, O)
//     h = (H + 2 padding - k) / stride + 1, rounded down, and w likewise
//
// 4 (B H W C + k k C O + O) bytes come in and 4 B h w O go out, for 2 B h w O k k C operations. By im2col and a product
// it is 8 B h w k k C bytes more, for the patches are written and read again. Where C is large, that is little beside
// the 2 O operations for each float of a patch, and cuBLAS is better at those than what follows. Where C is small,
// memory sets the pace: 32 filters of 4 x 4 on one channel with stride 2 move 144 bytes for each output pixel, and 272
// with patches. The floor is bytes / copy bandwidth.
//
// There is no backward here, since it would gain little. Nobody asks for the gradient of the first layer's input, which
// is data. That of the weights is patches^T g, a sum over all pixels of all images, and splitting such a sum over a GPU
// and adding up the parts is just what cuBLAS does well; beside g, which has to be read in any case, patches of so few
// channels are not much.

constexpr int BLOCK = 256;
constexpr int WIDTH = 32;              // output channels of a block: neighbouring threads write neighbouring floats
constexpr int HEIGHT = BLOCK / WIDTH;  // v1: output pixels of a block
constexpr int PIXELS = 8;              // v2: output pixels of a thread
constexpr int SIDE = HEIGHT * PIXELS;  // v2: output pixels of a block
constexpr int DEPTH = 32;              // v2: places of a patch that are at hand at a time

// One thread an output: one channel of one pixel. For each product it asks whether it is still in the image, and
// fetches both factors; the pixel's is the same for all of a warp.
extern "C" __global__ void __launch_bounds__(BLOCK) conv_direct_v1(
    const float* __restrict__ image,    // (B, H, W, C)
    const float* __restrict__ weights,  // (k, k, C, O)
    const float* __restrict__ bias,     // (O,)
    float* __restrict__ out,            // (B, h, w, O)
    int B, int H, int W, int C, int O, int h, int w, int k, int stride, int padding) {
  const int pixel = blockIdx.x * HEIGHT + threadIdx.y, o = blockIdx.y * WIDTH + threadIdx.x;
  if (pixel >= B * h * w || o >= O) return;
  const int x = pixel % w, y = pixel / w % h, b = pixel / w / h;
  float sum = 0.0f;
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < k; ++j) {
      const int Y = y * stride - padding + i, X = x * stride - padding + j;
      const bool inside = Y >= 0 && Y < H && X >= 0 && X < W;
      const size_t from = (((size_t)b * H + Y) * W + X) * C, weight = (size_t)(i * k + j) * C;
      for (int c = 0; c < C; ++c) sum += (inside ? image[from + c] : 0.0f) * weights[(weight + c) * O + o];
    }
  out[(size_t)pixel * O + o] = sum + bias[o];
}

// As a matrix product of patches and weights (matmul_v3), but the patches are cut out on the way to shared memory and
// are never anywhere else. What lies outside of the image becomes 0 there, once for all channels. Each thread makes one
// channel of PIXELS pixels: for each place of a patch, it reads one weight, and PIXELS floats that are neighbours and
// come four at a time.
extern "C" __global__ void __launch_bounds__(BLOCK) conv_direct_v2(
    const float* __restrict__ image,    // (B, H, W, C)
    const float* __restrict__ weights,  // (k, k, C, O)
    const float* __restrict__ bias,     // (O,)
    float* __restrict__ out,            // (B, h, w, O)
    int B, int H, int W, int C, int O, int h, int w, int k, int stride, int padding) {
  __shared__ __align__(16) float patch[DEPTH][SIDE], weight[DEPTH][WIDTH];
  const int thread = threadIdx.y * WIDTH + threadIdx.x;
  const int pixels = B * h * w, places = k * k * C, piece = k * C;  // row i of a patch is one piece (im2col.cu)
  const int o = blockIdx.y * WIDTH + threadIdx.x;

  // The pixel whose patch this thread helps to cut out: four threads share one.
  const int mine = thread % SIDE, pixel = blockIdx.x * SIDE + mine;
  const int x = pixel % w, y = pixel / w % h, b = pixel / w / h;
  const float* from = image + (size_t)b * H * W * C;

  float sum[PIXELS] = {};
  for (int first = 0; first < places; first += DEPTH) {
    const int depth = min(DEPTH, places - first);
    for (int d = thread / SIDE; d < depth; d += BLOCK / SIDE) {
      const int i = (first + d) / piece, Y = y * stride - padding + i;
      const int place = (x * stride - padding) * C + first + d - i * piece;  // in row Y of the image
      const bool inside = pixel < pixels && Y >= 0 && Y < H && place >= 0 && place < W * C;
      patch[d][mine] = inside ? from[(size_t)Y * W * C + place] : 0.0f;
    }
    for (int d = threadIdx.y; d < depth; d += HEIGHT)
      weight[d][threadIdx.x] = o < O ? weights[(size_t)(first + d) * O + o] : 0.0f;
    __syncthreads();
    for (int d = 0; d < depth; ++d)
#pragma unroll
      for (int n = 0; n < PIXELS; ++n) sum[n] += patch[d][threadIdx.y * PIXELS + n] * weight[d][threadIdx.x];
    __syncthreads();
  }
#pragma unroll
  for (int n = 0; n < PIXELS; ++n) {
    const int at = blockIdx.x * SIDE + threadIdx.y * PIXELS + n;
    if (at < pixels && o < O) out[(size_t)at * O + o] = sum[n] + bias[o];
  }
}

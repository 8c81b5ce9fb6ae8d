// A convolution as one matrix product: im2col copies every k x k patch of the images into a row of a matrix, which is
// then multiplied with the weights. col2im is its adjoint: it adds rows of patches back into images.
//
//     patches[(b, y, x), (i, j, c)] = image[b, y stride - padding + i, x stride - padding + j, c]
//
//     g_image[b, Y, X, c] = sum of g_patches[(b, y, x), (i, j, c)] over all places that were copied from there
//
//     image: (B, H, W, C), channels last, with a frame of zeros around it that is stored nowhere
//     patches: (B h w, k k C), with h = (H + 2 padding - k) / stride + 1, rounded down, and w likewise
//
// With weights of (k, k, C, O), seen as (k k C, O), a convolution is im2col and patches W; its gradients are
// patches^T g for the weights, and col2im of g W^T for the image. A transposed convolution is col2im of x W^T, its
// gradient for x im2col of g, and patches W.
//
// No arithmetic to speak of. With P = B h w k k C floats in the patches, im2col writes 4 P bytes and reads 4 B H W C;
// col2im reads 4 P and writes 4 B H W C. The floor is 4 (P + B H W C) bytes / copy bandwidth, and the patches are the
// larger part of it: (k / stride)^2 times the images. What is left to the kernel is to find out, for each float, where
// it goes, without taking longer for that than memory takes to move it.

constexpr int BLOCK = 256;

// One thread a float of the patches, numbered through. To find b, y, x, i, j and c in its number takes five divisions
// of 64-bit numbers, each a subroutine of some hundred instructions.
extern "C" __global__ void __launch_bounds__(BLOCK) im2col_v1(
    const float* __restrict__ image,  // (B, H, W, C)
    float* __restrict__ patches,      // (B * h * w, k * k * C)
    int B, int H, int W, int C, int h, int w, int k, int stride, int padding) {
  const size_t number = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (number >= (size_t)B * h * w * k * k * C) return;
  const int c = number % C, j = number / C % k, i = number / C / k % k;
  const size_t pixel = number / C / k / k;
  const int x = pixel % w, y = pixel / w % h;
  const size_t b = pixel / w / h;
  const int Y = y * stride - padding + i, X = x * stride - padding + j;
  const bool inside = Y >= 0 && Y < H && X >= 0 && X < W;
  patches[number] = inside ? image[((b * H + Y) * W + X) * C + c] : 0.0f;
}

// One block the patches of a row of output pixels, (b, y): they stand side by side in memory, w k k C floats. And
// since the channels come last in the image too, row i of a patch is k C floats in one piece, there and here. It is
// enough to know how far one is in this piece. That leaves two divisions, of 32-bit numbers, some twenty instructions
// each; and neighbouring threads read and write neighbouring floats.
extern "C" __global__ void __launch_bounds__(BLOCK) im2col_v2(
    const float* __restrict__ image,  // (B, H, W, C)
    float* __restrict__ patches,      // (B * h * w, k * k * C)
    int B, int H, int W, int C, int h, int w, int k, int stride, int padding) {
  const int b = blockIdx.x / h, y = blockIdx.x % h;
  const int piece = k * C, patch = k * piece;
  const float* from = image + (size_t)b * H * W * C;
  float* to = patches + (size_t)blockIdx.x * w * patch;
  for (int number = threadIdx.x; number < w * patch; number += BLOCK) {
    const int x = number / patch, within = number - x * patch;
    const int i = within / piece;
    const int Y = y * stride - padding + i;
    const int place = (x * stride - padding) * C + within - i * piece;  // in row Y of the image
    const bool inside = Y >= 0 && Y < H && place >= 0 && place < W * C;
    to[number] = inside ? from[(size_t)Y * W * C + place] : 0.0f;
  }
}

// One thread a float of the image. Adding up is harder than copying, because patches overlap. With one thread for each
// float of the patches, several would add to the same place: atomicAdd lets them, one after the other, in an order that
// nobody knows, and so with other last digits every time. Here each thread fetches what belongs to its place, always in
// the same order. It asks all k k places of a patch whether it may come from there.
extern "C" __global__ void __launch_bounds__(BLOCK) col2im_v1(
    const float* __restrict__ patches,  // (B * h * w, k * k * C)
    float* __restrict__ image,          // (B, H, W, C)
    int B, int H, int W, int C, int h, int w, int k, int stride, int padding) {
  const size_t number = (size_t)blockIdx.x * BLOCK + threadIdx.x;
  if (number >= (size_t)B * H * W * C) return;
  const int c = number % C, X = number / C % W, Y = number / C / W % H;
  const size_t b = number / C / W / H;
  float sum = 0.0f;
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < k; ++j) {
      const int down = Y + padding - i, right = X + padding - j;  // where the patch would begin, in the frame
      const int y = down / stride, x = right / stride;
      const bool there = down >= 0 && down % stride == 0 && y < h && right >= 0 && right % stride == 0 && x < w;
      if (there) sum += patches[((((b * h + y) * w + x) * k + i) * k + j) * C + c];
    }
  image[number] = sum;
}

// One block a row of an image, (b, Y), and no question in vain. The first and the last of the patches that cover a
// place can be computed, and all between them cover it too: they are k / stride both ways.
extern "C" __global__ void __launch_bounds__(BLOCK) col2im_v2(
    const float* __restrict__ patches,  // (B * h * w, k * k * C)
    float* __restrict__ image,          // (B, H, W, C)
    int B, int H, int W, int C, int h, int w, int k, int stride, int padding) {
  const int b = blockIdx.x / H, below = blockIdx.x % H + padding;  // below the upper edge of the frame
  const int y_first = below < k ? 0 : (below - k) / stride + 1, y_last = min(below / stride, h - 1);
  float* to = image + (size_t)blockIdx.x * W * C;
  for (int number = threadIdx.x; number < W * C; number += BLOCK) {
    const int X = number / C, c = number - X * C, right = X + padding;
    const int x_first = right < k ? 0 : (right - k) / stride + 1, x_last = min(right / stride, w - 1);
    float sum = 0.0f;
    for (int y = y_first; y <= y_last; ++y)
      for (int x = x_first; x <= x_last; ++x) {
        const size_t pixel = ((size_t)b * h + y) * w + x;
        sum += patches[((pixel * k + below - y * stride) * k + right - x * stride) * C + c];
      }
    to[number] = sum;
  }
}

// Box filter in linear light, natural vignetting (cosine to the fourth power), exposure, white balance, tone curve (Reinhard et al. 2002, eq. 4), sRGB.
in vec2 v_uv;
out vec4 out_colour;
uniform sampler2D source;
uniform int factor;
uniform vec3 gain;
uniform float contrast;
uniform vec4 pinhole;   // fx, fy, cx, cy in pixels of this picture, y down
uniform float vignette;
uniform float height;

void main() {
    ivec2 first = ivec2(gl_FragCoord.xy) * factor;
    vec3 sum = vec3(0.0);
    for (int y = 0; y < factor; ++y)
        for (int x = 0; x < factor; ++x) sum += min(texelFetch(source, first + ivec2(x, y), 0).rgb, vec3(40.0));
    vec2 ray = (vec2(gl_FragCoord.x, height - gl_FragCoord.y) - pinhole.zw) / pinhole.xy;
    float fall = mix(1.0, pow(1.0 + dot(ray, ray), -2.0), vignette);
    vec3 c = sum / float(factor * factor) * gain * fall;
    c = 0.18 * pow(max(c, 1e-6) / 0.18, vec3(contrast));
    c = c * (1.0 + c / 9.0) / (1.0 + c) * 1.18;
    c = clamp(c, 0.0, 1.0);
    c = mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
    out_colour = vec4(c, 1.0);
}
